/**
 * Owns a home whose stores are of every kind that weir reads, and that grows by numbered facts: files of lines (Claude
 * Code), documents (Amp), logs that are read as a whole (VS Code's chat sessions) and a database in use (Copilot's spans).
 */
import { appendFileSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { agents } from "../../src/agents/index.ts";
import { sessionPath } from "./claude.ts";
import { chat, DATABASE, NOON, TraceDatabase, USER } from "./copilot.ts";
import { checksum, factLine } from "./facts.ts";
import type { Random } from "./random.ts";

/** The agents whose stores these are. */
export const KINDS = agents.filter(({ id }) => ["claude-code", "amp", "copilot-vscode"].includes(id));
export const OF_KINDS: readonly string[] = [
  "--agent",
  KINDS.map(({ id }) => id).join(),
  "--stream",
  "transcript,thread,chat_sessions,otel_traces",
];
/** A database of another edition whose log has lost its index: it can only be read from a private copy. */
const COPIED = DATABASE.replace("/Code/", "/Code - Insiders/");

const MOST_FILES = 3;
/** A document or log that holds so many is not written to any more. */
const MOST_FACTS = 30;

/** A file that grows; a rest is the end of a line that is only begun. */
interface Growing {
  path: string;
  readonly session: string;
  readonly facts: number[];
  rest: string;
}

export class Kinds implements Disposable {
  readonly #home: string;
  readonly #r: Random;
  readonly #traces: TraceDatabase;
  readonly #files: Growing[] = [];
  readonly #documents: Growing[] = [];
  readonly #logs: Growing[] = [];
  readonly #spans: number[] = [];
  /** All files that are there, the oldest first. */
  readonly #oldest: Growing[] = [];
  #next = 1;
  #names = 0;
  /** Facts that stand whole in a store, or stood there until it was removed. */
  readonly whole = new Set<number>();
  /** Lines that are no JSON, in files that are read line by line. */
  broken = 0;

  constructor(home: string, r: Random) {
    this.#home = home;
    this.#r = r;
    this.#traces = new TraceDatabase(join(home, DATABASE));
    this.#traces.run("PRAGMA journal_mode = WAL");
  }

  /** One thing that one of the agents does. */
  grow(): void {
    this.#r.pick([this.#lines, this.#lines, this.#document, this.#log, this.#rows]).call(this);
  }

  /** Something of every kind, a database that needs a private copy, and a line that is no JSON. */
  growAll(): void {
    for (const grow of [this.#lines, this.#document, this.#log, this.#rows, this.#copied]) grow.call(this);
    this.#break(this.#r.pick(this.#files));
  }

  /** Writes the rest of every line that is only begun. */
  finish(): void {
    for (const file of this.#files) this.#append(file, "");
  }

  /** The agents delete so many of their oldest files and rows: call it when all of it is archived. */
  retire(files: number, rows: number): void {
    for (const { path } of this.#oldest.splice(0, files)) rmSync(path);
    for (const some of [this.#files, this.#documents, this.#logs])
      some.splice(0, Number.POSITIVE_INFINITY, ...some.filter((file) => this.#oldest.includes(file)));
    for (const n of this.#spans.splice(0, rows)) {
      this.#traces.run(`DELETE FROM span_attributes WHERE span_id = '${spanId(n)}'`);
      this.#traces.run(`DELETE FROM spans WHERE span_id = '${spanId(n)}'`);
    }
  }

  #some(): number[] {
    return Array.from({ length: this.#r.int(1, 4) }, () => this.#next++);
  }

  /** One of some files: a new one while there are few. */
  #of(files: Growing[], path: (session: string) => string): Growing {
    const full = files.findIndex(({ facts }) => facts.length >= MOST_FACTS);
    if (full >= 0) files.splice(full, 1);
    if (files.length > 0 && (files.length >= MOST_FILES || this.#r.chance(0.7))) return this.#r.pick(files);
    const session = `00000000-0000-4000-8000-${String(++this.#names).padStart(12, "0")}`;
    const file = { path: join(this.#home, path(session)), session, facts: [], rest: "" };
    mkdirSync(dirname(file.path), { recursive: true });
    files.push(file);
    this.#oldest.push(file);
    return file;
  }

  #lines(): void {
    const file = this.#of(this.#files, sessionPath);
    if (this.#r.chance(0.1) && existsSync(file.path)) {
      const path = file.path.replace(/[^/]*$/, `moved-${++this.#names}.jsonl`);
      renameSync(file.path, path);
      file.path = path;
    }
    if (this.#r.chance(0.1)) this.#break(file);
    const facts = this.#some();
    file.facts.push(...facts);
    this.#append(file, facts.map((n) => factLine(n, file.session, "x".repeat(this.#r.int(1, 300)))).join(""), 0.4);
  }

  #break(file: Growing): void {
    this.#append(file, "");
    this.broken++;
    appendFileSync(file.path, "broken\n");
  }

  /** Appends what is left and more; sometimes not to the end of the last line. */
  #append(file: Growing, more: string, torn = 0): void {
    const text = file.rest + more;
    const end = this.#r.chance(torn) ? this.#r.int(0, text.length) : text.length;
    appendFileSync(file.path, text.slice(0, end));
    file.rest = text.slice(end);
    const begun = file.rest.split("\n").length - 1;
    for (const n of file.facts.splice(0, file.facts.length - begun)) this.whole.add(n);
  }

  #document(): void {
    const file = this.#of(this.#documents, (session) => `.local/share/amp/threads/T-${session}.json`);
    file.facts.push(...this.#some());
    const messages = file.facts.map((n, messageId) => ({
      role: "assistant",
      messageId,
      content: [],
      state: { type: "complete" },
      usage: { model: "claude-opus-4-6", inputTokens: n, outputTokens: checksum(n), timestamp: timeOf(n) },
    }));
    this.#put(file, JSON.stringify({ v: 5, id: `T-${file.session}`, created: NOON, messages }));
  }

  #log(): void {
    const file = this.#of(this.#logs, (session) => `${USER}/globalStorage/emptyWindowChatSessions/${session}.jsonl`);
    const facts = this.#some();
    file.facts.push(...facts);
    const requests = (some: readonly number[]) =>
      some.map((n) => ({
        requestId: `request_${n}`,
        timestamp: NOON + n * 1000,
        modelState: { value: 1, completedAt: NOON + n * 1000 + 5 },
        promptTokens: n,
        completionTokens: checksum(n),
      }));
    const begin = { version: 3, sessionId: file.session, creationDate: NOON, requests: requests(file.facts) };
    // The log is sometimes written anew as a whole.
    if (!existsSync(file.path) || this.#r.chance(0.2)) this.#put(file, `${JSON.stringify({ kind: 0, v: begin })}\n`);
    else appendFileSync(file.path, `${JSON.stringify({ kind: 2, k: ["requests"], v: requests(facts) })}\n`);
    for (const n of facts) this.whole.add(n);
  }

  /** Another file in its place, or written over. */
  #put(file: Growing, text: string): void {
    if (this.#r.chance(0.5)) writeFileSync(file.path, text);
    else {
      writeFileSync(`${file.path}.tmp`, text);
      renameSync(`${file.path}.tmp`, file.path);
    }
    for (const n of file.facts) this.whole.add(n);
  }

  #rows(): void {
    const again = this.#spans.length > 0 && this.#r.chance(0.3) ? [this.#r.pick(this.#spans)] : [];
    const facts = this.#some();
    this.#spans.push(...facts);
    // Late rows and equal ends; a row that is told again lasts longer.
    for (const n of this.#r.shuffled(facts)) putSpan(this.#traces, n, this.#r.pick([0.25, 1, 1]));
    for (const n of again) putSpan(this.#traces, n, this.#r.int(2, 900));
    if (this.#r.chance(0.2)) this.#traces.run("PRAGMA wal_checkpoint(TRUNCATE)");
    for (const n of facts) this.whole.add(n);
  }

  #copied(): void {
    const apart = `${this.#home}-apart.db`;
    using traces = new TraceDatabase(apart);
    traces.run("PRAGMA journal_mode = WAL");
    for (const n of this.#some()) {
      putSpan(traces, n, 1);
      this.whole.add(n);
    }
    const copy = join(this.#home, COPIED);
    mkdirSync(dirname(copy), { recursive: true });
    for (const end of ["", "-wal"]) copyFileSync(apart + end, copy + end);
  }

  [Symbol.dispose](): void {
    this.#traces[Symbol.dispose]();
  }
}

/** True for a call that is a fact of these stores, and not one of a sample that lies beside them. */
export function isOfKinds(agent: string, response: string | undefined): boolean {
  if (agent === "claude-code") return /^msg_0000000000\d{8}$/.test(response ?? "");
  return KINDS.some(({ id }) => id === agent);
}

function putSpan(traces: TraceDatabase, n: number, lasts: number): void {
  const start = n * 1000;
  const trace = `aaaaaaaaaaaaaaaa${spanId(n)}`;
  traces.put({ id: spanId(n), trace, start, end: start + lasts, attributes: chat(n, checksum(n)) });
}

function spanId(n: number): string {
  return n.toString(16).padStart(16, "0");
}

function timeOf(n: number): string {
  return new Date(NOON + n * 1000).toISOString();
}
