/** Owns the ledger: which records of one source have been archived, and with what content. */
import { type Encoded, isOfSameTokens } from "../record/encode.ts";

/**
 * One entry: id, hashes of metadata and times, score, revision, flags (its times may still move; it has a raw item) and
 * level. Above level metadata the hash and the size of its texts follow.
 */
const ENTRY_BYTES = 28;
const TEXT_BYTES = 8;
const SOFT = 1;
const RAW = 2;

/** At which capture level a record was told. */
export const LEVELS = { metadata: 0, content: 1, raw: 2 } as const;
export type Level = (typeof LEVELS)[keyof typeof LEVELS];

interface Known {
  readonly content: number;
  readonly when: number;
  readonly score: number;
  readonly rev: number;
  readonly soft: boolean;
  readonly level: number;
  /** Hash and size of its texts; 0 where there are none. */
  readonly texts: number;
  readonly size: number;
  readonly raw: boolean;
}

/** How texts are captured. */
export interface Capturing {
  readonly level: Level;
  /** True for a record that was told at a lower level and is to be told again with its texts. */
  isWantedAgain(id: number): boolean;
}

/** How a stream's facts change. */
export interface Manner {
  /** Told before its end: its times may still move. */
  readonly soft: boolean;
  /** Facts of append-only files only ever become more complete; rows are told at their last content. */
  readonly monotone: boolean;
  /** The source deletes rows that others are understood by: a telling with the same tokens that knows less is no news. */
  readonly forgets?: boolean;
  /** Absent: only metadata is archived. */
  readonly capture?: Capturing | undefined;
}

/** Room that a ledger is given first, in bytes. */
const FIRST_ROOM = 16 * ENTRY_BYTES;
const NO_BYTES = new DataView(new ArrayBuffer(0));

/** It holds its entries as they are stored: a third of what objects take. */
export class Ledger {
  /** Entry after entry; of an id's the last one holds. */
  #entries = NO_BYTES;
  #length = 0;
  /** How much of it has been taken to be stored. */
  #taken = 0;
  /** Where each id's last entry begins. */
  readonly #last = new Map<number, number>();

  /** The ledger that these batches, in their order, add up to. */
  static from(batches: readonly Uint8Array[]): Ledger {
    const ledger = new Ledger();
    ledger.#makeRoom(batches.reduce((sum, { length }) => sum + length, 0));
    for (const batch of batches) {
      ledger.#bytes().set(batch, ledger.#length);
      ledger.#length += batch.length;
    }
    ledger.#taken = ledger.#length;
    for (let at = 0; at + ENTRY_BYTES <= ledger.#length; at += ledger.#sizeAt(at))
      ledger.#last.set(ledger.#entries.getFloat64(at), at);
    return ledger;
  }

  /**
   * Decides on one telling. A number is the revision to archive it as (0: a new record); undefined: it is known, it
   * tells less than what is known, or only its times differ though they were final. Metadata decides; where it is the
   * same, other texts are a revision, and a telling without texts never replaces one that has them.
   */
  judge(record: Encoded, manner: Manner): number | undefined {
    const known = this.#known(record.id);
    const rev = known ? this.#revision(known, record, manner) : 0;
    if (rev === undefined) {
      if (known?.soft && !manner.soft && known.content === record.content && known.when === record.when)
        this.#put(record.id, { ...known, soft: false });
      return undefined;
    }
    const level = manner.capture?.level ?? LEVELS.metadata;
    this.#put(record.id, entryOf(record, Math.min(rev, 0xffff), manner.soft, level));
    return rev;
  }

  #revision(known: Known, record: Encoded, manner: Manner): number | undefined {
    if (known.content === record.content && (known.when === record.when || !known.soft))
      return hasMoreTexts(known, record, manner) ? known.rev + 1 : undefined;
    if (manner.monotone && record.score < known.score) return undefined;
    if (manner.forgets && record.score < known.score && isOfSameTokens(record.score, known.score)) return undefined;
    return known.rev + 1;
  }

  #known(id: number): Known | undefined {
    const at = this.#last.get(id);
    if (at === undefined) return undefined;
    const view = this.#entries;
    const flags = view.getUint8(at + 26);
    const level = view.getUint8(at + 27);
    return {
      content: view.getUint32(at + 8),
      when: view.getUint32(at + 12),
      score: view.getFloat64(at + 16),
      rev: view.getUint16(at + 24),
      soft: (flags & SOFT) !== 0,
      level,
      texts: level === 0 ? 0 : view.getUint32(at + ENTRY_BYTES),
      size: level === 0 ? 0 : view.getUint32(at + ENTRY_BYTES + 4),
      raw: (flags & RAW) !== 0,
    };
  }

  #put(id: number, entry: Known): void {
    this.#makeRoom(ENTRY_BYTES + TEXT_BYTES);
    const view = this.#entries;
    const at = this.#length;
    view.setFloat64(at, id);
    view.setUint32(at + 8, entry.content);
    view.setUint32(at + 12, entry.when);
    view.setFloat64(at + 16, entry.score);
    view.setUint16(at + 24, entry.rev);
    view.setUint8(at + 26, (entry.soft ? SOFT : 0) | (entry.raw ? RAW : 0));
    view.setUint8(at + 27, entry.level);
    if (entry.level > 0) {
      view.setUint32(at + ENTRY_BYTES, entry.texts);
      view.setUint32(at + ENTRY_BYTES + 4, entry.size);
    }
    this.#last.set(id, at);
    this.#length += this.#sizeAt(at);
  }

  #sizeAt(at: number): number {
    return this.#entries.getUint8(at + 27) > 0 ? ENTRY_BYTES + TEXT_BYTES : ENTRY_BYTES;
  }

  #bytes(): Uint8Array {
    return new Uint8Array(this.#entries.buffer);
  }

  #makeRoom(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#entries.byteLength) return;
    const before = this.#bytes();
    this.#entries = new DataView(new ArrayBuffer(Math.max(FIRST_ROOM, this.#length * 2, needed)));
    this.#bytes().set(before);
  }

  /** Notes a record that is in the archive already; for rebuilding a lost state. */
  note(record: Omit<Encoded, "line"> & { readonly rev: number }): void {
    const { id, captured, rev } = record;
    const level = captured?.hasRaw ? LEVELS.raw : captured ? LEVELS.content : LEVELS.metadata;
    const known = this.#known(id);
    if (!known || known.rev <= rev) this.#put(id, entryOf(record, rev, true, level));
  }

  /** What was added since the last call, as one batch to store; undefined when nothing was. */
  takeBatch(): Uint8Array | undefined {
    if (this.#taken === this.#length) return undefined;
    const batch = this.#bytes().subarray(this.#taken, this.#length);
    this.#taken = this.#length;
    return batch;
  }

  /** The whole ledger as one batch, in which each id has one entry. */
  packed(): Uint8Array {
    const all = this.#bytes();
    return Buffer.concat(Array.from(this.#last.values(), (at) => all.subarray(at, at + this.#sizeAt(at))));
  }
}

function entryOf(record: Omit<Encoded, "line">, rev: number, soft: boolean, level: number): Known {
  const { content, when, score, captured } = record;
  const { hash: texts = 0, size = 0, hasRaw: raw = false } = captured ?? {};
  return { content, when, score, rev, soft, level, texts, size, raw };
}

/**
 * Whether a telling of known metadata has other texts than the archive. Of append-only files only longer ones are, once
 * the last telling was final: what is read again from the start tells its beginnings again. A change of the level holds
 * for new records: what was told at a lower one is not told again unless that is asked for.
 */
function hasMoreTexts(known: Known, { id, captured }: Encoded, { capture, monotone }: Manner): boolean {
  if (!captured || !capture) return false;
  const { hash, size, hasRaw } = captured;
  const isOther = hash !== 0 && hash !== known.texts && (!monotone || known.soft || size > known.size);
  const isRawNew = hasRaw && !known.raw;
  if ((isOther && known.level >= LEVELS.content) || (isRawNew && known.level >= LEVELS.raw)) return true;
  return (isOther || isRawNew) && capture.isWantedAgain(id);
}
