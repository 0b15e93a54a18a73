/** Owns the proof that Codex's lines tell the same whether they are skimmed or parsed whole. */
import { test } from "bun:test";
import type { JsonObject } from "../../src/record/json.ts";
import type { Random } from "../support/random.ts";
import { LINES, proveSame, someText, someValue, tailOf } from "../support/skimmed.ts";

const LONG = { timeout: 600_000 };
const THREAD = "01990000-0000-7000-8000-00000000000a";
const PATH = `sessions/2026/03/01/rollout-2026-03-01T09-00-00-${THREAD}.jsonl`;

/** Rollouts of lines as Codex writes them, one after the other, each a little different from that. */
class Writer {
  #second = 0;
  #total = 0;
  #calls: string[] = [];
  readonly #numbered: boolean;

  constructor(readonly r: Random) {
    this.#numbered = r.chance(0.5);
  }

  line(): JsonObject {
    const { r } = this;
    const kind = r.int(0, 9);
    if (this.#second === 0 || kind === 0) return this.#frame("session_meta", this.#meta());
    if (kind < 3) return this.#frame("response_item", this.#message());
    if (kind < 5) return this.#frame("response_item", this.#call());
    if (kind < 7) return this.#frame("response_item", this.#output());
    if (kind < 9) return this.#frame("event_msg", this.#event());
    return r.pick([
      this.#frame("world_state", { full: true, state: someValue(r) }),
      this.#frame("turn_context", { turn_id: `t${r.int(1, 3)}`, cwd: "/w/ä", model: "gpt-x", effort: "high" }),
      this.#frame("token_usage_record", {
        thread_id: THREAD,
        response_id: `resp_${this.#second}`,
        usage: this.#usage(),
      }),
      this.#frame("compacted", {
        message: someText(r, 40),
        replacement_history: [{ type: "message", content: [{ text: someText(r) }] }],
        ...r.pick([{}, { window_number: 3 }, { window_number: null }, { window_number: 2, window_id: "w" }]),
      }),
    ]);
  }

  #frame(type: string, payload: JsonObject): JsonObject {
    const timestamp = new Date(Date.UTC(2026, 2, 1) + this.#second++ * 1000).toISOString();
    return { timestamp, ...(this.#numbered && { ordinal: this.#second }), type, payload };
  }

  #meta(): JsonObject {
    return { id: THREAD, cwd: "/w", cli_version: "0.160.0", model_provider: "p", base_instructions: { text: "x" } };
  }

  #usage(): JsonObject {
    return { input_tokens: this.r.int(1, 99), cached_input_tokens: 1, output_tokens: 7, reasoning_output_tokens: 2 };
  }

  #message(): JsonObject {
    const { r } = this;
    const begin = r.pick(["go on", "", "\n", "\t# AGENTS.md", "\u3000<skill>", " ".repeat(70)]);
    const text = `${begin}${r.pick(["", "# AGENTS.md", "<environment_context>", "<turn_aborted>"])}${someText(r, 12)}`;
    const role = r.pick(["user", "user", "assistant", "developer"]);
    const first = r.pick<JsonObject>([
      { type: role === "assistant" ? "output_text" : "input_text", text },
      { type: "input_text", text },
      { text, type: "input_text" },
      { type: "input_image", image_url: "data:image/png;base64,QUJD" },
    ]);
    const content = r.pick([[first], [first], [first, { type: "input_text", text: someText(r) }], []]);
    const names = r.pick([{}, { id: "msg_1" }, { id: null, status: "completed" }, { id: "msg_ä", phase: "final" }]);
    return r.pick<JsonObject>([
      { type: "message", ...names, role, content },
      { type: "message", ...names, role, content, end_turn: true },
      { type: "reasoning", id: "rs_1", summary: [{ text: someText(r) }], encrypted_content: "x".repeat(r.int(0, 900)) },
      { type: "agent_message", author: "/root", content: [{ type: "input_text", text: someText(r) }] },
    ]);
  }

  #id(): string {
    const { r } = this;
    return r.chance(0.1) ? r.pick(["call_1", 'call_"', "cäll_1", "none"]) : `call_${"0".repeat(12)}${r.int(0, 5)}`;
  }

  #call(): JsonObject {
    const { r } = this;
    const call_id = this.#id();
    this.#calls.push(call_id);
    const said = r.pick([someText(r, 30), JSON.stringify({ cmd: someText(r, 30), namespace: "n" })]);
    const name = r.pick(["exec_command", "shell", "näme"]);
    const space = r.pick([{}, {}, { namespace: "mcp__notes" }]);
    return r.pick<JsonObject>([
      { type: "function_call", id: "fc_1", name, ...space, arguments: said, call_id },
      { type: "function_call", name, arguments: said, call_id, ...space },
      { type: "custom_tool_call", id: "ctc", status: "completed", call_id, name: "exec", ...space, input: said },
      { type: "local_shell_call", call_id, status: "completed", action: someValue(r) },
      { type: "web_search_call", id: "ws_0123456789abcdef", status: "completed" },
    ]);
  }

  #output(): JsonObject {
    const { r } = this;
    const call_id = r.pick(["none", ...this.#calls]);
    const exit = r.int(0, 2);
    const end = r.pick([{ metadata: { exit_code: exit } }, { exit_code: exit, wall_time_seconds: 1.5 }]);
    const said = r.pick<unknown>([
      `Chunk ID: 1\nProcess exited with code ${exit}\nOutput:\n${someText(r, 30)}`,
      JSON.stringify({ output: someText(r, 60), ...end }),
      someText(r, 3),
      "apply_patch verification failed: x",
      { content: someText(r), ...end },
      [{ type: "input_text", text: someText(r) }],
    ]);
    const type = r.pick(["function_call_output", "custom_tool_call_output"]);
    return r.pick<JsonObject>([
      { type, call_id, output: said },
      { type, id: "fco", call_id, output: said },
      { type, call_id, output: said, status: "completed" },
    ]);
  }

  #event(): JsonObject {
    const { r } = this;
    const usage = this.#usage();
    this.#total += r.pick([0, 1, 2]);
    const info = { total_token_usage: { ...usage, input_tokens: this.#total }, last_token_usage: usage };
    const id = r.pick(["exec-1", ...this.#calls]);
    const status = r.pick([{ status: "completed" }, { status: "failed" }, { status: "declined" }, {}]);
    const done = { duration: { secs: 1, nanos: 5e8 } };
    const exit = r.pick([{}, { exit_code: 3 }]);
    const long = someText(r, 90);
    const item = r.pick<JsonObject>([
      { type: "CommandExecution", id, command: ["ls"], ...status, aggregated_output: long, ...exit, ...done },
      { type: "FileChange", id, changes: { status: { type: "add", content: long } }, ...status },
      { type: "McpToolCall", id, arguments: someValue(r), ...status, result: { Err: long }, ...done },
      { type: "McpToolCall", id, arguments: {}, ...status, result: { content: [], isError: true }, ...done },
      { type: "DynamicToolCall", id, tool: "x", arguments: {}, ...status, success: r.chance(0.5), ...done },
      { type: "CollabAgentToolCall", id, tool: "spawnAgent", ...status },
      { type: "AgentMessage", id: "m", content: [{ type: "Text", text: long }] },
      { type: "Reasoning", id: "r", summary_text: [long] },
      { type: "WebSearch", id: "ws_0123456789abcdef", query: long },
      { type: "UserMessage", id: `i-${this.#second}`, content: [{ type: "text", text: someText(r) }] },
    ]);
    return r.pick<JsonObject>([
      { type: "token_count", info, rate_limits: r.pick([null, { limit_id: "codex", info: null }]) },
      { type: "token_count", info: null, rate_limits: {} },
      { type: "task_started", turn_id: `t${r.int(1, 3)}`, model_context_window: 1000 },
      { type: "task_complete", turn_id: `t${r.int(1, 3)}`, last_agent_message: someText(r), duration_ms: 5 },
      { type: "agent_message", message: someText(r) },
      { type: "item_completed", thread_id: THREAD, turn_id: "t1", item, started_at_ms: 1772323200000 },
      { type: "item_completed", thread_id: THREAD, turn_id: "t1", item, completed_at_ms: 1772323200000 },
      { type: "exec_command_end", call_id: id, exit_code: 1, aggregated_output: long },
    ]);
  }
}

test(
  `${10 * LINES} random lines of rollouts tell the same, skimmed, whole and with their texts`,
  () =>
    proveSame(tailOf("codex"), 10 * LINES, (r) => {
      const writer = new Writer(r);
      return { path: PATH, objects: Array.from({ length: r.int(1, 20) }, () => writer.line()) };
    }),
  LONG,
);
