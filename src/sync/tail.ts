/** Owns one sync of one append-only source: prove the cursor, reduce the new lines, tell again what is open. */
import type { CursorRow, SourceRow } from "../archive/archive.ts";
import type { Ledger } from "../archive/ledger.ts";
import { type Proof, proofAt, proves, sameFile } from "../read/identity.ts";
import { BadLine } from "../read/line.ts";
import { type BadBytes, hashBytes, readPieces } from "../read/tail.ts";
import type { Line, SourceInfo, Tail } from "../read/types.ts";
import type { Draft, Emit } from "../record/draft.ts";
import { encode, type Origin } from "../record/encode.ts";
import { errorCode, openForReading, readAt, readSmallFile, sys } from "../system/system.ts";
import type { Found } from "./discover.ts";
import { type Match, sidecarStamp } from "./match.ts";
import { tally } from "./summary.ts";
import type { Work } from "./sync.ts";

const SIDECAR_LIMIT = 4 << 20;

/** Reads a source's new lines into the batch and stores its cursor with them. Throws the system's errors. */
export async function collectTail({ found, known }: Match, work: Work): Promise<void> {
  const fd = openForReading(found.path);
  try {
    const run = new TailRun(found, known, fd, work);
    await run.collect();
  } finally {
    sys.close(fd);
  }
}

class TailRun {
  readonly #found: Found;
  readonly #work: Work;
  readonly #fd: number;
  readonly #stream: Tail<unknown>;
  readonly #ledger: Ledger;
  #row: SourceRow;
  readonly #state: unknown;
  #generation: number;
  #position: number;

  constructor(found: Found, known: SourceRow | undefined, fd: number, work: Work) {
    this.#found = found;
    this.#work = work;
    this.#fd = fd;
    this.#stream = found.stream;
    this.#row = known ?? work.archive.newSource(freshRow(found));
    this.#ledger = work.archive.ledgerOf(this.#row.id);
    const cursor = known && work.archive.cursorOf(known.id);
    if (cursor && this.#isStillValid(cursor)) {
      this.#generation = this.#row.generation;
      this.#position = this.#row.position;
      this.#state = JSON.parse(cursor.state);
    } else {
      if (cursor) work.summary.restarted++;
      this.#generation = this.#row.generation + (cursor ? 1 : 0);
      this.#position = 0;
      this.#state = this.#stream.start(this.#info());
    }
  }

  /** A cursor holds while file, reducer and sidecars are what they were when it was made. */
  #isStillValid(cursor: CursorRow): boolean {
    const { stamp } = this.#found;
    return (
      this.#row.version === this.#stream.version &&
      this.#row.sidecars === sidecarStamp(this.#found) &&
      sameFile(stamp, this.#row) &&
      proves(JSON.parse(cursor.proof) as Proof, this.#fd, this.#row.position, stamp.size)
    );
  }

  #info(): SourceInfo {
    const { inRoot, sidecars } = this.#found;
    const name = inRoot.slice(inRoot.lastIndexOf("/") + 1);
    const parsed: Record<string, unknown> = {};
    for (const { ending, path } of sidecars) parsed[ending] = this.#sidecar(path);
    return { path: inRoot, stem: name.replace(/\.[^.]*$/, ""), sidecars: parsed };
  }

  #sidecar(path: string): unknown {
    try {
      return JSON.parse(Buffer.from(readSmallFile(path, SIDECAR_LIMIT)).toString("utf8"));
    } catch (error) {
      this.#work.summary.unreadable.push({ path, reason: error instanceof SyntaxError ? "not JSON" : String(error) });
      return undefined;
    }
  }

  async collect(): Promise<void> {
    const { summary, archive } = this.#work;
    const { size } = this.#found.stamp;
    const firm = this.#emitter(false);
    const from = this.#position;
    try {
      for (const piece of readPieces(this.#fd, from, size)) {
        for (const bad of piece.bad) this.#quarantine(bad);
        for (const line of piece.lines) this.#step(line, firm);
        this.#position = piece.end;
        if (this.#work.isFull()) {
          this.#saveCursor(-1);
          archive.commit();
        }
        if (await this.#work.pause()) {
          this.#saveCursor(-1);
          return;
        }
      }
    } catch (error) {
      // What was reduced before the error is in the batch: its ledger needs the row, its cursor stays where it was.
      archive.setSource({ ...this.#row, size: -1 });
      throw error;
    }
    summary.bytes.read += this.#position - from;
    if (this.#position < size) summary.torn++;
    this.#stream.open(this.#state, this.#emitter(true));
    this.#saveCursor(size);
  }

  #step(line: Line, emit: Emit): void {
    this.#offset = line.offset;
    try {
      this.#stream.step(this.#state, line, emit);
    } catch (error) {
      if (errorCode(error) !== undefined) throw error;
      const reason = error instanceof BadLine ? error.message : `not understood: ${(error as Error).message}`;
      const hash = hashBytes(readAt(this.#fd, line.offset, line.length));
      this.#quarantine({ offset: line.offset, length: line.length, hash, reason });
    }
  }

  #offset = 0;

  #emitter(soft: boolean): Emit {
    const { archive, summary, environment } = this.#work;
    const { agent, stream, relative } = this.#found;
    const origin: Origin = {
      agent: agent.id,
      stream: stream.kind,
      path: relative,
      host: archive.host,
      homes: environment.homes.map((home) => home.path),
    };
    const manner = { soft, monotone: true };
    const name = `${agent.id}/${stream.kind}`;
    const emit = (draft: Draft): void => {
      const record = encode(draft.at ? draft : { ...draft, at: { offset: this.#offset } }, origin);
      const rev = this.#ledger.judge(record, manner);
      if (rev === undefined) {
        summary.records.known++;
        return;
      }
      archive.add(record, rev);
      summary.records[rev === 0 ? "added" : "revised"]++;
      tally(summary.byStream, name);
    };
    return Object.assign(emit, {
      unknown: (what: string) => tally(summary.unknown, `${name}: ${what}`),
      lost: (what: string) => tally(summary.lost, `${name}: ${what}`),
    });
  }

  #quarantine(bad: BadBytes): void {
    this.#work.summary.quarantined.push({ path: this.#found.path, ...bad });
    const { offset, length, hash, reason } = bad;
    const source = this.#row.id;
    this.#work.archive.quarantine({ source, generation: this.#generation, position: offset, length, hash, reason });
  }

  /** Stores how far this source is read. `size` is the size it was read to, -1 while it is not read to its end. */
  #saveCursor(size: number): void {
    const found = this.#found;
    this.#row = {
      ...this.#row,
      path: found.path,
      relative: found.relative,
      ...found.stamp,
      size,
      sidecars: sidecarStamp(found),
      readAt: sys.now(),
      version: this.#stream.version,
      position: this.#position,
      generation: this.#generation,
    };
    const proof = JSON.stringify(proofAt(this.#fd, this.#position));
    this.#work.archive.setSource(this.#row, { proof, state: JSON.stringify(this.#state) });
  }
}

function freshRow(found: Found): Omit<SourceRow, "id"> {
  return {
    agent: found.agent.id,
    stream: found.stream.kind,
    path: found.path,
    relative: found.relative,
    ...found.stamp,
    size: -1,
    sidecars: sidecarStamp(found),
    readAt: 0,
    version: found.stream.version,
    position: 0,
    generation: 0,
  };
}
