/** Owns checking an archive: state, lengths, checksums, every line. It writes nothing and stops at nothing it finds. */
import * as v from "valibot";
import { recordSchema } from "../record/schema.ts";
import type { Database } from "../system/database.ts";
import { systemReason, WeirError } from "../system/errors.ts";
import { errorCode, ifPresent, lstatIfPresent, openForReading, openingError, sys } from "../system/system.ts";
import { digestOf } from "./digest.ts";
import { type DataFolder, dataFolder, noArchive } from "./folder.ts";
import { readSegmentLines } from "./read.ts";
import { completeLength, installOf, listSegments, parseSegmentName, RESTORE } from "./segment.ts";
import { getMeta, openStateForReading, REBUILD, STATE_VERSION } from "./state.ts";
import { ageOf, witnessed } from "./witness.ts";

export interface Finding {
  /**
   * `damaged`: something that was archived is not there as it was. `unreadable`: nobody may look at it, so nothing is
   * known of it. `note`: nothing is lost.
   */
  readonly kind: "damaged" | "unreadable" | "note";
  readonly path: string;
  readonly what: string;
  readonly todo?: string;
}

export interface Verification {
  readonly state: "ok" | "damaged" | "unreadable" | "missing";
  readonly stateVersion?: number;
  readonly segments: number;
  readonly foreignSegments: number;
  readonly records: number;
  readonly bytes: number;
  /** Sealed segments whose checksum is known and right. */
  readonly checksums: number;
  readonly findings: readonly Finding[];
}

interface SegmentRow {
  readonly name: string;
  readonly bytes: number;
  readonly records: number;
  readonly sealed: number;
  readonly sha256: string | null;
  readonly pruned: number;
}

interface Known {
  /** In a read transaction: retention removes nothing while it is open. */
  readonly db: Database;
  readonly install: string;
  readonly rows: readonly SegmentRow[];
}

export interface VerifyOptions {
  /** Called before each segment; it may throw, which ends the check. */
  readonly pause: () => Promise<void>;
}

/** Bad lines of one segment that are told one by one. */
const NAMED = 10;
/** Of a segment that holds what is no record: with it the archive stays damaged. */
const REPLACE =
  "restore the file from a backup; without one, move it aside together with state.db, its -wal and its -shm: the next sync rebuilds the state from the segments that are left";

const ALLOW = "give its owner the right to read it (chmod u+rw), then verify again";

/** True when it is only a matter of rights that something cannot be read. */
function isForbidden(error: unknown): boolean {
  return /^(?:EACCES|EPERM)$/.test(errorCode(error) ?? "");
}

/** Checks everything and tells what it found; throws `failed` where there is no archive, `refused` for a newer state. */
export async function verifyArchive(path: string, { pause }: VerifyOptions): Promise<Verification> {
  const folder = dataFolder(path);
  const names = listSegments(folder.archive);
  const hasState = (ifPresent(() => sys.stat(folder.state))?.size ?? 0) > 0;
  const check = new Check(folder);
  const known = hasState ? check.openState() : undefined;
  if (names.length === 0 && check.result().state === "missing") throw noArchive(path);
  try {
    const rows = new Map(known?.rows.map((row) => [row.name, row]));
    for (const row of rows.values()) {
      if (row.pruned) continue;
      await pause();
      check.ownSegment(row);
    }
    for (const name of names.filter((each) => !rows.has(each))) {
      await pause();
      check.unknownSegment(name, known?.install);
    }
    check.otherFiles(rows);
    return check.result();
  } finally {
    known?.db.close();
  }
}

class Check {
  readonly #folder: DataFolder;
  readonly #findings: Finding[] = [];
  #state: Verification["state"] = "missing";
  #version: number | undefined;
  /** The state knows less than was archived, so what it does not know of is no leftover. */
  #isOlder = false;
  #counts = { segments: 0, foreignSegments: 0, records: 0, bytes: 0, checksums: 0 };

  constructor(folder: DataFolder) {
    this.#folder = folder;
  }

  result(): Verification {
    return { state: this.#state, stateVersion: this.#version, ...this.#counts, findings: this.#findings };
  }

  #damaged(path: string, what: string, todo: string = REPLACE): void {
    this.#findings.push({ kind: "damaged", path, what, todo });
  }

  #unreadable(path: string, error: unknown): void {
    this.#findings.push({ kind: "unreadable", path, what: `it cannot be read: ${systemReason(error)}`, todo: ALLOW });
  }

  #note(path: string, what: string, todo?: string): void {
    this.#findings.push({ kind: "note", path, what, todo });
  }

  /** The state, checked page by page; undefined when it cannot be read, or was only begun. */
  openState(): Known | undefined {
    const { state } = this.#folder;
    let db: Database | undefined;
    try {
      const commits = this.#attempt(this.#folder.witness, () => witnessed(this.#folder)) ?? 0;
      db = openStateForReading(state);
      if (db === undefined) return undefined;
      db.run("BEGIN");
      const problems = (db.query("PRAGMA integrity_check(5)").values() as [string][]).flat();
      this.#version = (db.query("PRAGMA user_version").get() as { user_version: number }).user_version;
      const rows = db.query("SELECT name, bytes, records, sealed, sha256, pruned FROM segment ORDER BY seq").all();
      this.#state = problems[0] === "ok" ? "ok" : "damaged";
      if (this.#state === "damaged") this.#damaged(state, problems.join("; "), REBUILD);
      const age = ageOf(db, commits);
      this.#isOlder = age !== undefined;
      if (this.#isOlder) this.#damaged(state, `it is older than its archive: ${age}`, REBUILD);
      if (this.#version < STATE_VERSION)
        this.#note(state, `it is of version ${this.#version}; the next sync brings it to ${STATE_VERSION}`);
      return { db, install: installOf(getMeta(db, "install") ?? ""), rows: rows as SegmentRow[] };
    } catch (error) {
      db?.close();
      if (error instanceof WeirError && error.failure === "refused") throw error;
      const reason = openingError(() => openForReading(state)); // SQLite does not say
      this.#state = isForbidden(reason) ? "unreadable" : "damaged";
      if (this.#state === "damaged") this.#damaged(state, (error as Error).message, REBUILD);
      else this.#unreadable(state, reason);
      return undefined;
    }
  }

  /** A segment that the state vouches for. */
  ownSegment(row: SegmentRow): void {
    const path = `${this.#folder.archive}/${row.name}`;
    this.#counts.segments++;
    const stat = lstatIfPresent(path);
    if (stat?.kind !== "file") {
      if (stat) this.#damaged(path, "it is no regular file");
      else this.#damaged(path, "it is missing", RESTORE);
      return;
    }
    if (stat.size < row.bytes) {
      this.#damaged(path, `it should hold ${row.bytes} bytes, it has ${stat.size}`, RESTORE);
    } else if (stat.size > row.bytes && !this.#isOlder) {
      const beyond = stat.size - row.bytes;
      this.#note(
        path,
        `${beyond} bytes beyond its committed length, which no reader sees`,
        "the next sync cuts them off",
      );
    }
    const length = Math.min(stat.size, row.bytes);
    const records = this.#lines(path, length);
    if (length === row.bytes && records !== undefined && records !== row.records)
      this.#damaged(path, `it should hold ${row.records} records, it has ${records}`);
    if (records === undefined || length < row.bytes || row.sealed === 0) return;
    if (row.sha256 === null) this.#note(path, "its checksum is not known: the state was rebuilt after it was sealed");
    else if (this.#attempt(path, () => digestOf(path, row.bytes)) === row.sha256) this.#counts.checksums++;
    else this.#damaged(path, "its content is not what was written (SHA-256 differs)");
  }

  /** A segment that bears a name of ours but not one of the state's. */
  unknownSegment(name: string, install: string | undefined): void {
    const path = `${this.#folder.archive}/${name}`;
    if (parseSegmentName(name)?.install === install) {
      if (!this.#isOlder) this.#note(path, "a killed run left it, or a sync is at work; nothing in it is archived");
      return;
    }
    this.#counts.foreignSegments++;
    const [size, length] = this.#attempt(path, () => [sys.lstat(path).size, completeLength(path)] as const) ?? [];
    if (size === undefined || length === undefined) return;
    if (size > length) this.#note(path, `its last ${size - length} bytes are no complete line`);
    this.#lines(path, length);
  }

  /** What else lies in the archive folder, and pruned segments that are still there. */
  otherFiles(rows: ReadonlyMap<string, SegmentRow>): void {
    for (const { name, kind } of ifPresent(() => sys.list(this.#folder.archive)) ?? []) {
      const path = `${this.#folder.archive}/${name}`;
      if (rows.get(name)?.pruned) this.#note(path, "it was pruned", "the next sync or prune removes the file");
      else if (!rows.has(name) && (kind !== "file" || !parseSegmentName(name)))
        this.#note(path, "it is not weir's; it is never read and never touched");
    }
  }

  /** Checks each line of a segment; returns how many there are, or undefined where it cannot be read. */
  #lines(path: string, bytes: number): number | undefined {
    this.#counts.bytes += bytes;
    let lines = 0;
    let bad = 0;
    let offset = 0;
    const readable = this.#attempt(path, () => {
      for (const line of readSegmentLines(path, bytes)) {
        lines++;
        const problem = problemOf(line);
        if (problem !== undefined && ++bad <= NAMED) this.#damaged(path, `byte ${offset}: ${problem}`);
        offset += Buffer.byteLength(line) + 1;
      }
      return true;
    });
    if (bad > NAMED) this.#damaged(path, `and ${bad - NAMED} more lines`);
    if (readable && offset < bytes) this.#damaged(path, `byte ${offset}: the last line is not complete`, RESTORE);
    if (readable && offset > bytes) this.#damaged(path, "it holds bytes that are not UTF-8");
    this.#counts.records += lines - bad;
    return readable ? lines : undefined;
  }

  #attempt<T>(path: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (isForbidden(error)) this.#unreadable(path, error);
      else this.#damaged(path, `it cannot be read: ${systemReason(error)}`);
      return undefined;
    }
  }
}

/** What is wrong with a line, or undefined for a record of the schema. A newer schema's records are not judged. */
function problemOf(line: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return "it is not JSON";
  }
  if (typeof (value as { v?: unknown } | null)?.v === "number" && (value as { v: number }).v > 1) return undefined;
  const result = v.safeParse(recordSchema, value, { abortEarly: true });
  if (result.success) return undefined;
  const [issue] = result.issues;
  return `it is no record: ${v.getDotPath(issue) ?? "the line"}: ${issue.message}`;
}
