/** Owns one sync of one append-only source: prove the cursor, reduce the new lines, tell again what is open. */

import type { Capturing } from "../archive/ledger.ts";
import type { CursorRow, SourceRow } from "../archive/sources.ts";
import { type Proof, proofAt, proofOf, proves, sameFile } from "../read/identity.ts";
import type { ByteLine } from "../read/line.ts";
import { type BadBytes, hashBytes, LineReader } from "../read/tail.ts";
import { BadLine } from "../read/text.ts";
import type { Emit, Tail } from "../read/types.ts";
import { safeJson } from "../record/privacy.ts";
import { errorCode, openForReading, sys } from "../system/system.ts";
import type { Found } from "./discover.ts";
import { emitter } from "./emitter.ts";
import { type Match, sidecarStamp } from "./match.ts";
import { infoOf, newRow, quarantine, reasonOf, rowOf, streamName } from "./source.ts";
import { tally } from "./summary.ts";
import type { Work } from "./sync.ts";

/** Reads a source's new lines into the batch and stores its cursor with them. Throws the system's errors. */
export async function collectTail({ found, known }: Match, stream: Tail<unknown>, work: Work): Promise<void> {
  const fd = openForReading(found.path);
  let run: TailRun | undefined;
  try {
    run = new TailRun(found, stream, known, fd, work);
    while (run.next()) if (await work.pause()) return run.stop();
    run.end();
  } catch (error) {
    run?.keep();
    throw error;
  } finally {
    run?.close();
    sys.close(fd);
  }
}

class TailRun {
  readonly #found: Found;
  readonly #work: Work;
  readonly #fd: number;
  readonly #stream: Tail<unknown>;
  #row: SourceRow;
  readonly #state: unknown;
  readonly #sidecars: string;
  /** Facts are final as they are read; what is still open at the end is not. */
  readonly #manner: { soft: boolean; readonly monotone: true; readonly capture: Capturing | undefined };
  readonly #emit: Emit;
  readonly #reader: LineReader;
  /** Where this run began to read. */
  readonly #from: number;
  #generation: number;
  #position: number;
  #offset = 0;
  /** The line that is being read; none while what is open is told. */
  #line: ByteLine | undefined;
  /** What is set aside moves with the cursor, so that bytes that are read again are set aside once. */
  #bad: BadBytes[] = [];
  /** Made while the one piece that holds all bytes before this offset is at hand. */
  #proven: { readonly offset: number; readonly proof: Proof } | undefined;

  constructor(found: Found, stream: Tail<unknown>, known: SourceRow | undefined, fd: number, work: Work) {
    this.#found = found;
    this.#work = work;
    this.#fd = fd;
    this.#stream = stream;
    this.#manner = { soft: false, monotone: true, capture: work.capturing };
    this.#row = known ?? newRow(found, work);
    const ledger = work.archive.sources.ledgerOf(this.#row.id);
    this.#emit = emitter(found, work, ledger, this.#manner, {
      at: () => ({ offset: this.#offset }),
      line: () => this.#line,
    });
    const cursor = known && work.archive.sources.cursorOf(known.id);
    if (cursor && !work.isRecapture && this.isStillValid(cursor)) {
      this.#generation = this.#row.generation;
      this.#position = this.#row.position;
      this.#state = JSON.parse(String(cursor.state));
      this.#sidecars = this.#row.sidecars;
    } else {
      if (cursor) work.summary.restarted++;
      this.#generation = this.#row.generation + (cursor ? 1 : 0);
      this.#position = 0;
      const info = infoOf(found, work);
      this.#state = this.#stream.start(info.source);
      this.#sidecars = info.sidecars;
    }
    this.#from = this.#position;
    const reads = this.#emit.captures ? undefined : stream.reads;
    this.#reader = new LineReader(fd, this.#from, found.stamp.size, reads);
  }

  /** A cursor holds while file, reducer and sidecars are what they were when it was made. */
  private isStillValid(cursor: CursorRow): boolean {
    const { stamp } = this.#found;
    return (
      this.#row.version === this.#stream.version &&
      this.#row.sidecars === sidecarStamp(this.#found) &&
      sameFile(stamp, this.#row) &&
      proves(JSON.parse(cursor.proof) as Proof, this.#fd, this.#row.position, stamp.size)
    );
  }

  /** Reads and reduces the next piece; false when there is none. */
  next(): boolean {
    const piece = this.#reader.next();
    if (!piece) return false;
    this.#bad.push(...piece.bad);
    this.reduce(piece.lines);
    this.#position = piece.end;
    if (piece.bytes.length === piece.end) this.#proven = { offset: piece.end, proof: proofOf(piece.bytes) };
    if (this.#work.isFull()) {
      this.saveCursor(-1);
      this.#work.archive.commit();
    }
    return true;
  }

  /** Tells what is still open after the last piece. */
  end(): void {
    const { summary } = this.#work;
    const { size } = this.#found.stamp;
    summary.bytes.read += this.#position - this.#from;
    if (this.#position < size) summary.torn++;
    this.#manner.soft = true;
    this.#stream.open(this.#state, this.#emit);
    this.saveCursor(size);
  }

  /** Leaves the rest for the next sync. */
  stop(): void {
    this.saveCursor(-1);
  }

  /** After an error: what was reduced before it is in the batch, and its ledger needs the row; the cursor stays where it was. */
  keep(): void {
    this.#work.archive.sources.set({ ...this.#row, size: -1, mark: 0 });
  }

  close(): void {
    this.#reader.close();
  }

  private reduce(lines: readonly ByteLine[]): void {
    const { summary } = this.#work;
    summary.lines.read += lines.length;
    for (const line of lines) {
      this.#line = line;
      this.#offset = line.offset;
      try {
        this.#stream.step(this.#state, line, this.#emit);
      } catch (error) {
        if (errorCode(error) !== undefined) throw error;
        const reason = error instanceof BadLine ? error.message : `not understood: ${reasonOf(error)}`;
        const { offset, bytes } = line;
        this.#bad.push({ offset, length: bytes.length, hash: hashBytes(bytes), reason });
      }
      if (line.isUnskimmed) tally(summary.unskimmed, streamName(this.#found));
    }
    this.#line = undefined;
  }

  /** Stores how far this source is read. `size` is the size it was read to, -1 while it is not read to its end. */
  private saveCursor(size: number): void {
    const proven = this.#proven?.offset === this.#position ? this.#proven.proof : undefined;
    const proof = JSON.stringify(proven ?? proofAt(this.#fd, this.#position));
    const place = {
      id: this.#row.id,
      size,
      position: this.#position,
      generation: this.#generation,
      sidecars: this.#sidecars,
    };
    const row = rowOf(this.#found, place);
    this.#row = row;
    for (const bad of this.#bad) quarantine(this.#found, row, bad, this.#work);
    this.#bad = [];
    this.#work.archive.sources.set(row, { proof, state: safeJson(JSON.stringify(this.#state)) });
  }
}
