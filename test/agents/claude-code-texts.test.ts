/** Owns the proof that Claude Code's texts stand where they belong, when they are captured, and nowhere else. */
import { expect, test } from "bun:test";
import type { WeirRecord } from "../../src/record/schema.ts";
import { type Files, tellOf, tellTextsOf } from "../support/agent.ts";
import { answer, calls, chain, file, prompt, result, S } from "../support/claude-transcript.ts";
import { assistantSays } from "../support/texts.ts";

const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "QUJD" } };
const thinks = (thinking: string) => ({ type: "thinking", thinking, signature: "c2ln" });
const refused = { status: 529, error: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } } };
const log: readonly object[] = [
  prompt("u1", 0, [{ type: "text", text: "look at this" }, image]),
  answer("a1", 1, "msg_0000000000001", 5, thinks("I sho")),
  answer("a2", 2, "msg_0000000000001", 5, thinks("I should look")),
  answer("a3", 3, "msg_0000000000001", 5, { type: "text", text: "I look" }),
  answer("a3", 3, "msg_0000000000001", 5, { type: "text", text: "I look" }),
  answer("a4", 4, "msg_0000000000001", 5, calls("toolu_000000000001"), {}, "tool_use"),
  result("r1", 5, "toolu_000000000001", true),
  chain("q1", 6, { type: "attachment", attachment: { type: "queued_command", prompt: "and on" } }),
  chain("h1", 7, {
    type: "attachment",
    attachment: {
      type: "hook_success",
      hookName: "Stop",
      toolUseID: "h",
      command: "lint.sh",
      stdout: "clean",
      stderr: "",
    },
  }),
  chain("e1", 8, {
    type: "assistant",
    isApiErrorMessage: true,
    message: { id: "x", model: "<synthetic>", content: [{ type: "text", text: "API Error: 529 slow down" }] },
  }),
  chain("e2", 9, { type: "system", subtype: "api_error", error: refused }),
  chain("s1", 10, { type: "system", subtype: "compact_boundary", compactMetadata: { trigger: "auto" } }),
  prompt("u2", 11, "so far we looked", { isCompactSummary: true }),
  { type: "ai-title", aiTitle: "a title", sessionId: S },
];
const whole = file(log);
const steps = log.map((line): Files => file([line]));

const said = (role: string, ...parts: object[]) => [{ role, parts }];
const texts = (records: readonly WeirRecord[]) =>
  records.flatMap(({ operation, content }) => (content === undefined ? [] : [[operation, content]]));

test("texts stand where they belong: prompts, answers, thoughts, arguments, results, errors, hooks, summaries", async () => {
  for (const told of [await tellTextsOf("claude-code", whole), await tellTextsOf("claude-code", ...steps)]) {
    expect(texts(told.records).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))).toEqual(
      [
        [
          "user_message",
          {
            input_messages: said(
              "user",
              { type: "text", content: "look at this" },
              { type: "blob", modality: "image", mime_type: "image/png", content: "QUJD" },
            ),
          },
        ],
        [
          "chat",
          assistantSays(
            [
              { type: "reasoning", content: "I should look" },
              "I look",
              { type: "tool_call", id: "toolu_000000000001", name: "Bash", arguments: { command: "ls" } },
            ],
            "tool_call",
          ),
        ],
        ["execute_tool", { tool_arguments: { command: "ls" }, tool_result: "file.txt", error_message: "file.txt" }],
        ["user_message", { input_messages: said("user", { type: "text", content: "and on" }) }],
        ["execute_hook", { tool_arguments: "lint.sh", tool_result: "clean" }],
        ["error", { error_message: "API Error: 529 slow down" }],
        ["error", { error_message: "Overloaded" }],
        ["compaction", { output_messages: said("assistant", { type: "text", content: "so far we looked" }) }],
      ].toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) as never,
    );
    const retried = told.records.find((r) => r.fact === "e2");
    expect(retried).toMatchObject({ error_type: "overloaded_error", attributes: { apiErrorStatus: 529 } });
    const raw = told.records.find((r) => r.operation === "error")?.raw;
    expect(JSON.parse(raw ?? "{}").uuid).toBe("e1");
  }
});

test("without capture the same is told, and no text", async () => {
  const bare = (records: readonly WeirRecord[]) =>
    records.map(({ content: _c, raw: _r, host: _h, rev: _v, ...rest }) => JSON.stringify(rest)).sort();
  const [plain, captured] = [await tellOf("claude-code", ...steps), await tellTextsOf("claude-code", ...steps)];
  expect(bare(plain.records)).toEqual(bare(captured.records));
  expect(JSON.stringify(plain.all)).not.toMatch(/look|lint|clean|slow down|Overloaded|so far|a title/);
});
