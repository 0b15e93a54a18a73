/** Owns the ledger: which records of one source have been archived, and with what content. */
import { type Encoded, isOfSameTokens } from "../record/encode.ts";

/** One entry: id, content and time hashes, score, revision, and whether its times may still move. */
const ENTRY_BYTES = 28;

export interface Known {
  content: number;
  when: number;
  score: number;
  rev: number;
  soft: boolean;
}

/** How a stream's facts change. */
export interface Manner {
  /** Told before its end: its times may still move. */
  readonly soft: boolean;
  /** Facts of append-only files only ever become more complete; rows are told at their last content. */
  readonly monotone: boolean;
  /** The source deletes rows that others are understood by: a telling with the same tokens that knows less is no news. */
  readonly forgets?: boolean;
}

export class Ledger {
  readonly #known = new Map<number, Known>();
  #added: { readonly id: number; readonly entry: Known }[] = [];

  /** The ledger that these batches, in their order, add up to. */
  static from(batches: readonly Uint8Array[]): Ledger {
    const ledger = new Ledger();
    for (const batch of batches) {
      const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
      for (let at = 0; at + ENTRY_BYTES <= batch.byteLength; at += ENTRY_BYTES) {
        ledger.#known.set(view.getFloat64(at), {
          content: view.getUint32(at + 8),
          when: view.getUint32(at + 12),
          score: view.getFloat64(at + 16),
          rev: view.getUint16(at + 24),
          soft: view.getUint8(at + 26) === 1,
        });
      }
    }
    return ledger;
  }

  get size(): number {
    return this.#known.size;
  }

  /**
   * Decides on one telling. A number is the revision to archive it as (0: a new record); undefined: it is known, it
   * tells less than what is known, or only its times differ though they were final.
   */
  judge(record: Encoded, manner: Manner): number | undefined {
    const known = this.#known.get(record.id);
    const rev = known ? this.#revision(known, record, manner) : 0;
    if (rev === undefined) {
      if (known?.soft && !manner.soft && known.content === record.content && known.when === record.when)
        this.#put(record.id, { ...known, soft: false });
      return undefined;
    }
    const { content, when, score } = record;
    this.#put(record.id, { content, when, score, rev: Math.min(rev, 0xffff), soft: manner.soft });
    return rev;
  }

  #revision(known: Known, record: Encoded, manner: Manner): number | undefined {
    if (known.content === record.content && (known.when === record.when || !known.soft)) return undefined;
    if (manner.monotone && record.score < known.score) return undefined;
    if (manner.forgets && record.score < known.score && isOfSameTokens(record.score, known.score)) return undefined;
    return known.rev + 1;
  }

  #put(id: number, entry: Known): void {
    this.#known.set(id, entry);
    this.#added.push({ id, entry });
  }

  /** Notes a record that is in the archive already; for rebuilding a lost state. */
  note(record: Omit<Encoded, "line"> & { readonly rev: number }): void {
    const { id, content, when, score, rev } = record;
    const known = this.#known.get(id);
    if (!known || known.rev <= rev) this.#put(id, { content, when, score, rev, soft: true });
  }

  /** Whether this id is in the ledger. */
  has(id: number): boolean {
    return this.#known.has(id);
  }

  /** What was added since the last call, as one batch to store; undefined when nothing was. */
  takeBatch(): Uint8Array | undefined {
    if (this.#added.length === 0) return undefined;
    const batch = packed(this.#added);
    this.#added = [];
    return batch;
  }

  /** The whole ledger as one batch. */
  packed(): Uint8Array {
    return packed([...this.#known].map(([id, entry]) => ({ id, entry })));
  }
}

function packed(entries: readonly { readonly id: number; readonly entry: Known }[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { id, entry } of entries) {
    view.setFloat64(at, id);
    view.setUint32(at + 8, entry.content);
    view.setUint32(at + 12, entry.when);
    view.setFloat64(at + 16, entry.score);
    view.setUint16(at + 24, entry.rev);
    view.setUint8(at + 26, entry.soft ? 1 : 0);
    at += ENTRY_BYTES;
  }
  return bytes;
}
