/** Owns the proof that Claude Code's lines tell the same whether they are skimmed or parsed whole. */
import { test } from "bun:test";
import type { JsonObject } from "../../src/record/json.ts";
import type { Random } from "../support/random.ts";
import { LINES, proveSame, someText, someValue, tailOf } from "../support/skimmed.ts";

const LONG = { timeout: 600_000 };
const S = "11111111-1111-4111-8111-111111111111";

/** Sessions of lines as Claude Code writes them, one after the other, each a little different from that. */
class Writer {
  #second = 0;
  #calls: string[] = [];
  readonly #frame: JsonObject;

  constructor(readonly r: Random) {
    this.#frame = {
      userType: "external",
      cwd: r.pick(["/w/app", "/home/ana/app", 'C:\\Users\\"x"\\app', "/home/josé/app"]),
      sessionId: S,
      version: "2.1.220",
      gitBranch: r.pick(["main", "größe", ""]),
    };
  }

  line(): JsonObject {
    const { r } = this;
    const kind = r.int(0, 9);
    if (kind < 2) return this.#prompt();
    if (kind < 6) return this.#answer();
    if (kind < 9) return this.#result();
    return r.pick([
      { type: "file-history-snapshot", messageId: "m", snapshot: { timestamp: this.#time() } },
      { type: "summary", summary: someText(r), leafUuid: "u" },
      { type: "queue-operation", operation: "enqueue", timestamp: this.#time(), sessionId: S },
      this.#chain({ attachment: { type: "hook_success", toolUseID: "h", content: someText(r) }, type: "attachment" }),
      this.#chain({ type: "system", subtype: "compact_boundary", compactMetadata: { preTokens: 5 } }),
    ]);
  }

  #time(): string {
    return new Date(Date.UTC(2026, 6, 1) + this.#second++ * 1000).toISOString();
  }

  #chain(more: JsonObject): JsonObject {
    const head = { parentUuid: this.r.pick([null, "u-0", "u-1", "p,1"]), isSidechain: false };
    const tail = { uuid: `u-${this.#second}`, timestamp: this.#time() };
    return { ...head, ...more, ...tail, ...this.#frame };
  }

  #prompt(): JsonObject {
    const { r } = this;
    const blank = r.chance(0.3) ? r.pick([" ", "\u3000", "\u00a0", " ".repeat(70), "\t"]) : "";
    const begin = r.pick(["go on", "é", "<system-reminder>", "Stop hook feedback:", "[Request interrupted by user"]);
    const text = `${blank}${begin}${r.chance(0.7) ? "x".repeat(70) : ""}${someText(r, 12)}`;
    const content = r.chance(0.9) ? text : [{ type: "text", text }];
    const origin = r.chance(0.1) ? { origin: { kind: r.pick(["human", "task"]) } } : {};
    return this.#chain({ promptId: "p", type: "user", message: { role: "user", content }, ...origin });
  }

  #answer(): JsonObject {
    const { r } = this;
    const id = `msg_${"0".repeat(12)}${r.int(0, 9)}`;
    const content = Array.from({ length: r.pick([1, 1, 1, 1, 2, 3, 0]) }, () => this.#block());
    const usage = {
      input_tokens: r.int(0, 999),
      cache_creation_input_tokens: r.int(0, 999),
      output_tokens: r.int(0, 999),
      iterations: r.pick([[], [{ type: "message", id: "inner", model: "inner", output_tokens: 5 }]]),
    };
    const usual = r.pick([
      { model: "claude-x-5", id, type: "message" },
      { id, type: "message", role: "assistant", model: "claude-x-5" },
    ]);
    const names = r.chance(0.8)
      ? usual
      : r.pick([
          { container: { id: "c", model: "m" }, ...usual },
          { id: "msg_é", model: "modèle" },
        ]);
    const stop = { stop_reason: r.pick([null, "end_turn", "tool_use"]), stop_sequence: null };
    const message = { ...names, content, ...stop, usage };
    const more = r.chance(0.1) ? { isApiErrorMessage: true, error: "x" } : { requestId: "req" };
    return this.#chain({ message, ...more, type: "assistant" });
  }

  #block(): JsonObject {
    const { r } = this;
    if (r.chance(0.4)) {
      const id = r.pick(["toolu_1", "toolu_é", `toolu_${"0".repeat(12)}${this.#calls.length}`]);
      this.#calls.push(id);
      const input = r.pick([{ command: someText(r) }, { x: [1], stop_reason: "y" }, someValue(r)]);
      return { type: "tool_use", id, name: r.pick(["Bash", "mcp__notes__lookup", "näme"]), input };
    }
    return r.pick([
      { type: "text", text: someText(r, 20) },
      { type: "text", text: someText(r, 20) },
      { type: "text" },
      { type: "thinking", thinking: someText(r), signature: "s" },
      { type: "redacted_thinking", data: "d" },
      { type: "server_tool_use", id: "srv", name: "web_search" },
    ]);
  }

  #result(): JsonObject {
    const { r } = this;
    const content = r.pick<unknown>([
      someText(r, 12),
      [{ type: "text", text: someText(r), is_error: true }],
      [{ type: "image", source: { data: "QUJD" } }],
      [],
    ]);
    const id = r.pick(["none", ...this.#calls]);
    const failed = r.pick([{}, { is_error: false }, { is_error: true }]);
    const usual = { tool_use_id: id, type: "tool_result", content, ...failed };
    const block = r.chance(0.7)
      ? usual
      : r.pick<JsonObject>([
          { type: "tool_result", content, ...failed, tool_use_id: id },
          { ...usual, cache_control: { type: "ephemeral" } },
          { ...usual, note: "x" },
        ]);
    const others = r.chance(0.8) ? [] : r.pick([[{ type: "text", text: "t" }], [{ ...usual, tool_use_id: "other" }]]);
    const message = { role: "user", content: [block, ...others] };
    return { ...this.#chain({ type: "user", message }), toolUseResult: someValue(r) };
  }
}

for (const [whose, path] of [
  ["a session", `-w/${S}.jsonl`],
  ["a subagent", `-w/${S}/subagents/agent-1.jsonl`],
] as const) {
  test(
    `${10 * LINES} random lines of ${whose} tell the same, skimmed, whole and with their texts`,
    () =>
      proveSame(tailOf("claude-code"), 10 * LINES, (r) => {
        const writer = new Writer(r);
        return { path, objects: Array.from({ length: r.int(1, 14) }, () => writer.line()) };
      }),
    LONG,
  );
}
