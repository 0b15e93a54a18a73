/**
 * Owns the windows of VS Code in tests: processes that write spans into one database as the extension does, each span a
 * transaction of its own, and what the table holds after each commit.
 */
import { rmSync } from "node:fs";
import { NOON, SPANS_SCHEMA } from "./copilot.ts";
import { startWriter, type Writer } from "./database.ts";
import type { Random } from "./random.ts";

/** A row of the table as it stands. */
export interface WindowSpan {
  readonly id: string;
  readonly trace: string;
  /** The session of its trace; only some rows name it. */
  readonly session: string;
  readonly namesSession: boolean;
  readonly parent: string | undefined;
  readonly operation: "chat" | "execute_tool" | "invoke_agent";
  readonly start: number;
  readonly end: number;
  /** Its output tokens, and a number in an attribute that no column repeats: each new when it is written. */
  readonly tokens: number;
  readonly host: number;
}

interface Turn {
  readonly trace: string;
  readonly session: string;
  readonly root: string;
  readonly start: number;
}

const WINDOWS = 3;
const SETTINGS = "PRAGMA busy_timeout = 3000; PRAGMA foreign_keys = ON";
const SCHEMA = SPANS_SCHEMA.replaceAll(/CREATE (TABLE|INDEX) /g, "CREATE $1 IF NOT EXISTS ").replace(
  "INSERT INTO",
  "INSERT OR IGNORE INTO",
);

const sqlOf = (values: readonly (string | number | undefined)[]): string =>
  values.map((v) => (v === undefined ? "NULL" : typeof v === "number" ? String(v) : `'${v}'`)).join();
export const hostOf = (host: number): string => `host-${String(host).padStart(6, "0")}`;

/** Writes a span as the extension does: row, attributes and event together. */
function insertSql(span: WindowSpan): string {
  const { id, trace, session, namesSession, parent, operation, start, end, tokens, host } = span;
  const own = namesSession ? session : undefined;
  const agent = operation === "invoke_agent" ? "GitHub Copilot Chat" : undefined;
  const tool = operation === "execute_tool" ? "read_file" : undefined;
  const columns = [
    id,
    trace,
    parent,
    `${operation} x`,
    NOON + start,
    NOON + end,
    0,
    operation,
    own,
    agent,
    tool,
    1,
    tokens,
  ];
  const attributes = {
    "gen_ai.operation.name": operation,
    "copilot_chat.chat_session_id": own,
    "gen_ai.agent.name": agent,
    "gen_ai.tool.name": tool,
    "gen_ai.input.messages": "x".repeat(tokens % 3 === 0 ? 3000 : 20),
    "gen_ai.usage.input_tokens": "1",
    "gen_ai.usage.output_tokens": String(tokens),
    "server.address": hostOf(host),
  };
  const rows = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return `BEGIN IMMEDIATE;
    INSERT OR REPLACE INTO spans (span_id, trace_id, parent_span_id, name, start_time_ms, end_time_ms, status_code,
      operation_name, chat_session_id, agent_name, tool_name, input_tokens, output_tokens) VALUES (${sqlOf(columns)});
    INSERT INTO span_attributes VALUES ${rows.map(([key, value]) => `(${sqlOf([id, key, value])})`).join()};
    INSERT INTO span_events (span_id, name, timestamp_ms, attributes) VALUES (${sqlOf([id, "turn_start", NOON + start, `{"turnId":"${tokens}"}`])});
    COMMIT`;
}

/** Three windows at work on one database. */
export class Windows implements AsyncDisposable {
  readonly #writers: readonly Writer[];
  readonly #table = new Map<string, WindowSpan>();
  /** Spans that ended and wait for their window's next flush. */
  #waiting: WindowSpan[][] = [];
  #turns: Turn[] = [];
  #open: boolean[] = [];
  #path = "";
  #clock = 0;
  #count = 0;

  private constructor(writers: readonly Writer[]) {
    this.#writers = writers;
  }

  static async start(): Promise<Windows> {
    return new Windows(await Promise.all(Array.from({ length: WINDOWS }, () => startWriter(":memory:"))));
  }

  /** What the table holds now, by span id. */
  get table(): ReadonlyMap<string, WindowSpan> {
    return this.#table;
  }

  /** Begins again with a database that is not there yet. */
  async turnTo(path: string): Promise<void> {
    for (const writer of this.#writers) await writer.turnTo();
    this.#path = path;
    this.#table.clear();
    this.#turns = [];
    this.#waiting = this.#writers.map(() => []);
    this.#open = this.#writers.map(() => false);
  }

  /** One commit, or another thing that a window or its program does to the files. */
  async act(r: Random): Promise<void> {
    this.#clock += r.int(0, 40) + r.int(0, 4096) / 4096;
    const window = r.int(0, WINDOWS - 1);
    const rows = [...this.#table.values()];
    const kind = r.int(0, 99);
    if (kind < 55 || rows.length === 0) await this.#flush(window, r);
    else if (kind < 67) await this.#write(window, this.#again(r.pick(rows), r));
    else if (kind < 74) await this.#edit(window, r.pick(rows), r);
    else if (kind < 86) await this.#delete(window, this.#victims(rows, r));
    else if (kind < 90) await this.#run(window, "PRAGMA wal_checkpoint(TRUNCATE)");
    else if (kind < 92) await this.#run(window, "VACUUM");
    else if (kind < 97) await this.#close(window);
    else if (kind < 99) await this.#renumber(window);
    else await this.#recreate();
  }

  /** The next span of a window's queue; now and then nothing is flushed for a while, so that they come late. */
  async #flush(window: number, r: Random): Promise<void> {
    const queue = this.#waiting[window] ?? [];
    if (queue.length === 0 || r.chance(0.4)) for (let n = r.int(1, 4); n > 0; n--) queue.push(this.#ended(r));
    const other = r.chance(0.2) ? r.pick(this.#waiting) : queue;
    const span = (other.length > 0 ? other : queue).shift();
    if (span) await this.#write(window, span);
  }

  #ended(r: Random): WindowSpan {
    if (this.#turns.length === 0 || r.chance(0.2)) {
      const session = r.chance(0.4) && this.#turns[0] ? this.#turns[0].session : `session-${this.#id(r)}`;
      this.#turns.unshift({ trace: this.#id(r) + this.#id(r), session, root: this.#id(r), start: this.#clock });
    }
    const turn = r.pick(this.#turns.slice(0, 5));
    const isRoot = r.chance(0.2);
    if (isRoot) this.#turns = this.#turns.filter((other) => other !== turn);
    const end = r.chance(0.15)
      ? (r.pick([...this.#table.values()])?.end ?? this.#clock)
      : this.#clock - r.int(0, 3) / 8;
    return {
      id: isRoot ? turn.root : this.#id(r),
      trace: turn.trace,
      session: turn.session,
      namesSession: isRoot || r.chance(0.5),
      parent: isRoot ? undefined : turn.root,
      operation: isRoot ? "invoke_agent" : r.pick(["chat", "execute_tool"]),
      start: Math.floor(Math.min(turn.start, end)),
      end,
      ...this.#fresh(),
    };
  }

  #id(r: Random): string {
    return `a${Array.from({ length: 15 }, () => r.int(0, 15).toString(16)).join("")}`;
  }

  #fresh(): { readonly tokens: number; readonly host: number } {
    return { tokens: ++this.#count, host: this.#count };
  }

  #again(span: WindowSpan, r: Random): WindowSpan {
    return { ...span, end: r.pick([span.end, span.end + 1.5, span.start + 0.25]), ...this.#fresh() };
  }

  async #write(window: number, span: WindowSpan): Promise<void> {
    await this.#run(window, insertSql(span));
    this.#table.set(span.id, span);
  }

  /** Another program changes a row where it stands, or one of its attributes, which moves then. */
  async #edit(window: number, span: WindowSpan, r: Random): Promise<void> {
    const { tokens, host } = this.#fresh();
    const where = `WHERE span_id = '${span.id}'`;
    const key = (name: string): string => `${where} AND key = '${name}'`;
    // A span that loses its run knows less than it did: then only other tokens are news.
    if (!span.namesSession || r.chance(0.5)) {
      await this.#run(
        window,
        `BEGIN IMMEDIATE; UPDATE spans SET output_tokens = ${tokens} ${where};
         UPDATE span_attributes SET value = '${tokens}' ${key("gen_ai.usage.output_tokens")};
         UPDATE span_events SET attributes = '{"turnId":"${tokens}"}' ${where}; COMMIT`,
      );
      this.#table.set(span.id, { ...span, tokens });
    } else {
      const update = `UPDATE span_attributes SET value = '${hostOf(host)}' ${key("server.address")}`;
      const replace = `INSERT OR REPLACE INTO span_attributes VALUES ('${span.id}', 'server.address', '${hostOf(host)}')`;
      await this.#run(window, r.chance(0.5) ? update : replace);
      this.#table.set(span.id, { ...span, host });
    }
  }

  /** The oldest rows, a session, or the row that was written last, whose number is given out again then. */
  #victims(rows: readonly WindowSpan[], r: Random): readonly WindowSpan[] {
    const kind = r.int(0, 2);
    if (kind === 0) return [...rows].sort((a, b) => a.start - b.start).slice(0, r.int(1, 6));
    if (kind === 1) return rows.filter(({ session }) => session === r.pick(rows).session).slice(0, 8);
    return rows.slice(-r.int(1, 2));
  }

  async #delete(window: number, victims: readonly WindowSpan[]): Promise<void> {
    await this.#run(window, `DELETE FROM spans WHERE span_id IN (${sqlOf(victims.map(({ id }) => id))})`);
    for (const { id } of victims) this.#table.delete(id);
  }

  /** The rows are copied in the order of their ids, as the migration to layout 2 does. */
  async #renumber(window: number): Promise<void> {
    await this.#run(
      window,
      `PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE; CREATE TEMP TABLE kept AS SELECT * FROM spans ORDER BY span_id;
       DELETE FROM spans; INSERT INTO spans SELECT * FROM kept ORDER BY span_id; DROP TABLE kept; COMMIT; PRAGMA foreign_keys = ON`,
    );
  }

  async #recreate(): Promise<void> {
    for (let window = 0; window < WINDOWS; window++) await this.#close(window);
    for (const end of ["", "-wal", "-shm"]) rmSync(this.#path + end, { force: true });
    this.#table.clear();
  }

  async #close(window: number): Promise<void> {
    await this.#writers[window]?.turnTo();
    this.#open[window] = false;
  }

  async #run(window: number, sql: string): Promise<void> {
    const writer = this.#writers[window];
    if (!this.#open[window]) {
      await writer?.turnTo(this.#path);
      await writer?.run(`${SETTINGS}; PRAGMA journal_mode = WAL; ${SCHEMA}`);
      this.#open[window] = true;
    }
    await writer?.run(sql);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.close()));
  }
}
