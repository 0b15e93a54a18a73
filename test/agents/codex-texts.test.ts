/** Owns the proof that Codex's texts stand where they belong, when they are captured, and nowhere else. */
import { expect, test } from "bun:test";
import type { JsonObject } from "../../src/record/json.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import { type Files, tellOf, tellTextsOf } from "../support/agent.ts";
import { call, count, fileOf, legacy, output, PARENT, respond, thread } from "../support/codex-rollout.ts";

const said = (role: string, ...parts: object[]) => [{ role, parts }];
const text = (content: string) => ({ type: "text", content });
const inOrder = (list: readonly unknown[]) =>
  list.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) as never;
const texts = (records: readonly WeirRecord[]) =>
  inOrder(records.flatMap(({ operation, content }) => (content === undefined ? [] : [[operation, content]])));

function paginated(): JsonObject[] {
  const t = thread(PARENT, 0, { base_instructions: { text: "You are a coder." }, history_mode: "paginated" });
  t.event("task_started", { turn_id: "turn-of-the-parent-1" });
  t.item("message", { role: "user", content: [{ type: "input_text", text: "look at this" }] });
  const item = { type: "UserMessage", id: "item-of-the-parent-1", content: [{ type: "text", text: "look at this" }] };
  t.event("item_completed", { turn_id: "turn-of-the-parent-1", item });
  t.item("reasoning", { summary: [{ type: "summary_text", text: "I should look" }], encrypted_content: "x" });
  t.item("function_call", call("call_of_the_parent_1", { name: "exec_command", arguments: '{"cmd":"ls"}' }));
  respond(t, "resp_of_the_parent_1", PARENT, [100, 10], [100, 10]);
  t.item("function_call_output", output("call_of_the_parent_1", "Process exited with code 1\nOutput:\nnone"));
  t.item("custom_tool_call", { call_id: "call_of_the_parent_2", name: "exec", input: "tools.exec()" });
  const nested = {
    type: "CommandExecution",
    id: "exec-1",
    command: ["ls"],
    status: "completed",
    aggregated_output: "a",
  };
  t.event("item_completed", { turn_id: "turn-of-the-parent-1", item: nested });
  const blocks = [{ type: "input_text", text: "Script completed" }];
  t.item("custom_tool_call_output", output("call_of_the_parent_2", blocks, "custom_tool_call_output"));
  respond(t, "resp_of_the_parent_2", PARENT, [200, 20], [300, 30]);
  t.add("compacted", { message: "so far we looked", replacement_history: [{ text: "HISTORY" }] });
  const error = { message: "the model is gone", codex_error_info: "other" };
  t.event("task_complete", { turn_id: "turn-of-the-parent-1", last_agent_message: "done", error });
  return t.out;
}

test("texts stand where they belong: instructions, prompts, answers, thoughts, arguments, results, errors, summaries", async () => {
  const log = paginated();
  const steps = log.map((line): Files => ({ [fileOf(PARENT)]: [line] }));
  for (const told of [await tellTextsOf("codex", { [fileOf(PARENT)]: log }), await tellTextsOf("codex", ...steps)]) {
    const exec = { type: "tool_call", id: "call_of_the_parent_2", name: "exec", arguments: "tools.exec()" };
    const shell = { type: "tool_call", id: "call_of_the_parent_1", name: "exec_command", arguments: { cmd: "ls" } };
    const failed = "Process exited with code 1\nOutput:\nnone";
    expect(texts(told.records)).toEqual(
      inOrder([
        ["session", { system_instructions: [text("You are a coder.")] }],
        ["user_message", { input_messages: said("user", text("look at this")) }],
        [
          "chat",
          {
            output_messages: said("assistant", { type: "reasoning", content: "I should look" }, shell, text("done")),
          },
        ],
        ["execute_tool", { tool_arguments: { cmd: "ls" }, tool_result: failed, error_message: failed }],
        ["other", { tool_arguments: ["ls"], tool_result: "a" }],
        ["execute_tool", { tool_arguments: "tools.exec()", tool_result: "Script completed" }],
        ["chat", { output_messages: said("assistant", exec, text("done")) }],
        ["compaction", { output_messages: said("assistant", text("so far we looked")) }],
        ["invoke_agent", { error_message: "the model is gone" }],
        ["error", { error_message: "the model is gone" }],
      ]),
    );
    expect(JSON.parse(told.records.find((r) => r.operation === "compaction")?.raw ?? "{}").type).toBe("compacted");
  }
});

test("in files without usage records a call's answer is what the model said before its count", async () => {
  const t = legacy(PARENT, 0);
  t.item("message", { role: "assistant", content: [{ type: "output_text", text: "killed before it was counted" }] });
  t.event("user_message", { message: "and on" });
  t.item("message", { role: "assistant", content: [{ type: "output_text", text: "done" }] });
  t.event("token_count", count([350, 35], [50, 5]));
  const { records } = await tellTextsOf("codex", { [fileOf(PARENT)]: t.out });
  const answers = records.filter((r) => r.operation === "chat").map((r) => r.content?.output_messages?.[0]?.parts);
  expect(answers.map((parts) => parts?.map((part) => part.type))).toEqual([["tool_call"], ["tool_call"], ["text"]]);
  expect(answers[2]).toEqual([text("done")] as never);
  const prompts = records.filter((r) => r.operation === "user_message").map((r) => r.content?.input_messages);
  expect(prompts).toEqual(["go on", "go on", "and on"].map((one) => said("user", text(one))) as never);
});

test("prompts that only message lines tell, and a document's items, carry their texts", async () => {
  const items = [
    { type: "message", role: "user", content: [{ type: "input_text", text: "go on" }] },
    { type: "function_call", name: "shell", arguments: '{"command":["ls"]}', call_id: "call_of_a_document_1" },
    output("call_of_a_document_1", '{"output":"none","metadata":{"exit_code":0}}'),
  ];
  const path = `.codex/sessions/rollout-2025-05-05-${PARENT}.json`;
  const { records } = await tellTextsOf("codex", { [path]: JSON.stringify({ session: { id: PARENT }, items }) });
  expect(texts(records)).toEqual(
    inOrder([
      ["user_message", { input_messages: said("user", text("go on")) }],
      [
        "execute_tool",
        { tool_arguments: { command: ["ls"] }, tool_result: { output: "none", metadata: { exit_code: 0 } } },
      ],
    ]),
  );
});

test("without capture the same is told, and no text", async () => {
  const files = { [fileOf(PARENT)]: paginated() };
  const bare = (records: readonly WeirRecord[]) =>
    records.map(({ content: _c, raw: _r, host: _h, rev: _v, ...rest }) => JSON.stringify(rest)).sort();
  const [plain, captured] = [await tellOf("codex", files), await tellTextsOf("codex", files)];
  expect(bare(plain.records)).toEqual(bare(captured.records));
  expect(JSON.stringify(plain.all)).not.toMatch(/look|coder|tools\.exec|Script|gone|HISTORY/);
});
