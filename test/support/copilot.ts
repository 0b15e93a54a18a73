/** Owns made-up stores of Copilot in VS Code: trace databases span by span, and where its stores lie below a home. */
import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { agents } from "../../src/agents/index.ts";
import type { Agent, Stream } from "../../src/read/types.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import type { Summary } from "../../src/sync/summary.ts";
import { archived, counting, syncInto } from "./archive.ts";
import type { Scratch } from "./home.ts";

export const FIXTURE = join(import.meta.dir, "../../fixtures/agents/copilot-vscode");
export const USER = ".config/Code/User";
export const DATABASE = `${USER}/globalStorage/github.copilot-chat/agent-traces.db`;
export const WORKSPACE = `${USER}/workspaceStorage/8c1f0a7be2d94f55a1b2c3d4e5f60718`;
/** The sessions of the sample: foreground, its subagent, CLI background, Claude. */
export const S1 = "3f1c0e52-7a4b-4d0e-9c55-0a1b2c3d4e01";
export const SUB = "5e0b6f1d-3c2a-4e9d-8f10-aa00bb11cc22";
export const CLI = "7d2a9b10-55c1-4f7e-8b21-1122334455aa";
export const CLAUDE = "c1a0de00-9f3b-4a77-b3d8-99aabbccddee";
export const NOON = 1774864800000;

const copilot = agents.filter((agent) => agent.id === "copilot-vscode");

/** The agent with its trace database read in blocks of so many rows and attributes. */
export function copilotInBlocks(rows: number, values: number): Agent {
  const [agent] = copilot;
  if (!agent) throw new Error("no copilot-vscode");
  const streams = agent.streams.map((stream): Stream => {
    if (stream.shape !== "snapshot" || stream.groups.form !== "sqlite") return stream;
    const layouts = stream.groups.layouts.map(({ blocks, ...layout }) =>
      blocks ? { ...layout, blocks: { ...blocks, size: rows, details: { ...blocks.details, size: values } } } : layout,
    );
    return { ...stream, groups: { form: "sqlite", layouts } };
  });
  return { ...agent, streams };
}

/** The extension's own tables, layout 1. */
export const SPANS_SCHEMA = `
  CREATE TABLE schema_version (version INTEGER PRIMARY KEY);
  INSERT INTO schema_version VALUES (1);
  CREATE TABLE spans (span_id TEXT PRIMARY KEY, trace_id TEXT NOT NULL, parent_span_id TEXT, name TEXT NOT NULL,
    start_time_ms INTEGER NOT NULL, end_time_ms INTEGER NOT NULL, status_code INTEGER NOT NULL DEFAULT 0,
    status_message TEXT, operation_name TEXT, provider_name TEXT, agent_name TEXT, conversation_id TEXT,
    request_model TEXT, response_model TEXT, input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER,
    reasoning_tokens INTEGER, tool_name TEXT, tool_call_id TEXT, tool_type TEXT, chat_session_id TEXT,
    turn_index INTEGER, ttft_ms REAL);
  CREATE TABLE span_attributes (span_id TEXT NOT NULL REFERENCES spans(span_id) ON DELETE CASCADE, key TEXT NOT NULL,
    value TEXT, PRIMARY KEY (span_id, key));
  CREATE TABLE span_events (id INTEGER PRIMARY KEY AUTOINCREMENT, span_id TEXT NOT NULL
    REFERENCES spans(span_id) ON DELETE CASCADE, name TEXT NOT NULL, timestamp_ms INTEGER NOT NULL, attributes TEXT);
  CREATE INDEX idx_spans_trace ON spans(trace_id);
  CREATE INDEX idx_span_events_span ON span_events(span_id);`;

const REPEATED: Readonly<Record<string, string>> = {
  "gen_ai.operation.name": "operation_name",
  "gen_ai.agent.name": "agent_name",
  "gen_ai.conversation.id": "conversation_id",
  "gen_ai.request.model": "request_model",
  "gen_ai.usage.input_tokens": "input_tokens",
  "gen_ai.usage.output_tokens": "output_tokens",
  "gen_ai.tool.name": "tool_name",
  "gen_ai.tool.call.id": "tool_call_id",
  "copilot_chat.chat_session_id": "chat_session_id",
};

export interface MadeSpan {
  readonly id: string;
  readonly trace?: string;
  readonly parent?: string;
  readonly name?: string;
  /** Milliseconds after noon. */
  readonly start?: number;
  readonly end?: number;
  readonly status?: number;
  readonly attributes?: Readonly<Record<string, string | number>>;
}

/** A model call's attributes. */
export function chat(input: number, output: number, more: Readonly<Record<string, string | number>> = {}) {
  return {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4.1",
    "gen_ai.usage.input_tokens": input,
    "gen_ai.usage.output_tokens": output,
    ...more,
  };
}

/** A trace database as the extension makes it, open for more. */
export class TraceDatabase implements Disposable {
  readonly #db: Database;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    const isNew = !existsSync(path);
    this.#db = new Database(path, { create: true, readwrite: true });
    this.#db.run("PRAGMA foreign_keys = ON");
    if (isNew) this.#db.run(SPANS_SCHEMA);
  }

  run(sql: string): this {
    this.#db.run(sql);
    return this;
  }

  /** Inserts or replaces spans, each with its attributes in the columns that repeat them. */
  put(...spans: readonly MadeSpan[]): this {
    for (const {
      id,
      trace = "4bf92f3577b34da6a3ce929d0e0e4736",
      parent,
      name,
      start = 0,
      end = 1,
      status = 0,
      attributes = {},
    } of spans) {
      const columns = Object.keys(attributes).filter((key) => REPEATED[key] !== undefined);
      const told = name ?? `${attributes["gen_ai.operation.name"] ?? "span"} x`;
      const fixed = [id, trace, parent ?? null, told, NOON + start, NOON + end, status];
      this.#db
        .query(
          `INSERT OR REPLACE INTO spans (span_id, trace_id, parent_span_id, name, start_time_ms, end_time_ms, status_code
            ${columns.map((key) => `, ${REPEATED[key]}`).join("")}) VALUES (?, ?, ?, ?, ?, ?, ?${", ?".repeat(columns.length)})`,
        )
        .run(...fixed, ...columns.map((key) => attributes[key] ?? null));
      const insert = this.#db.query("INSERT INTO span_attributes VALUES (?, ?, ?)");
      for (const [key, value] of Object.entries(attributes)) insert.run(id, key, String(value));
    }
    return this;
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

export function openTraces(place: Scratch, path: string = DATABASE): TraceDatabase {
  return new TraceDatabase(join(place.home, path));
}

/** Puts one of the fixture's files into the home; a database with its log, in the place of what was there. */
export function place(scratch: Scratch, from: string, path: string): void {
  const target = join(scratch.home, path);
  mkdirSync(dirname(target), { recursive: true });
  for (const end of ["", "-wal", "-shm"]) {
    rmSync(target + end, { force: true });
    if (existsSync(join(FIXTURE, from + end))) copyFileSync(join(FIXTURE, from + end), target + end);
  }
}

export function textOf(from: string): string {
  return readFileSync(join(FIXTURE, from), "utf8");
}

/** Syncs only this agent; others of the same homes by their ids. */
export function syncCopilot(scratch: Scratch, ...others: string[]): Promise<Summary> {
  const wanted = [...copilot, ...agents.filter((agent) => others.includes(agent.id))];
  return syncInto(scratch.data, scratch.home, { agents: wanted });
}

/** What counts. */
export function countedIn(scratch: Scratch): WeirRecord[] {
  return counting(scratch.data);
}

/** The last revision of every record. */
export function toldIn(scratch: Scratch): WeirRecord[] {
  const last = new Map<string, WeirRecord>();
  for (const record of archived(scratch.data))
    if ((last.get(record.id)?.rev ?? -1) <= record.rev) last.set(record.id, record);
  return [...last.values()];
}

export interface Figures {
  /** Model calls that have tokens. */
  readonly calls: number;
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly tools: number;
}

export function figuresOf(records: readonly WeirRecord[]): Figures {
  const calls = records.filter((r) => r.operation === "chat" && (r.usage?.input_tokens ?? r.usage?.output_tokens));
  const sum = (field: "input_tokens" | "output_tokens" | "cache_read_input_tokens"): number =>
    calls.reduce((total, { usage }) => total + (usage?.[field] ?? 0), 0);
  return {
    calls: calls.length,
    input: sum("input_tokens"),
    output: sum("output_tokens"),
    cached: sum("cache_read_input_tokens"),
    tools: records.filter((r) => r.operation === "execute_tool").length,
  };
}
