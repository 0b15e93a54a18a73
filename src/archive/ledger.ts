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

export interface Known {
  content: number;
  when: number;
  score: number;
  rev: number;
  soft: boolean;
  level: number;
  /** Hash and size of its texts; 0 where there are none. */
  texts: number;
  size: number;
  raw: boolean;
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

export class Ledger {
  readonly #known = new Map<number, Known>();
  #added: { readonly id: number; readonly entry: Known }[] = [];

  /** The ledger that these batches, in their order, add up to. */
  static from(batches: readonly Uint8Array[]): Ledger {
    const ledger = new Ledger();
    for (const batch of batches) {
      const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
      for (let at = 0; at + ENTRY_BYTES <= batch.byteLength; at += ENTRY_BYTES) {
        const id = view.getFloat64(at);
        const flags = view.getUint8(at + 26);
        const level = view.getUint8(at + 27);
        ledger.#known.set(id, {
          content: view.getUint32(at + 8),
          when: view.getUint32(at + 12),
          score: view.getFloat64(at + 16),
          rev: view.getUint16(at + 24),
          soft: (flags & SOFT) !== 0,
          level,
          texts: level === 0 ? 0 : view.getUint32(at + ENTRY_BYTES),
          size: level === 0 ? 0 : view.getUint32(at + ENTRY_BYTES + 4),
          raw: (flags & RAW) !== 0,
        });
        if (level > 0) at += TEXT_BYTES;
      }
    }
    return ledger;
  }

  /**
   * Decides on one telling. A number is the revision to archive it as (0: a new record); undefined: it is known, it
   * tells less than what is known, or only its times differ though they were final. Metadata decides; where it is the
   * same, other texts are a revision, and a telling without texts never replaces one that has them.
   */
  judge(record: Encoded, manner: Manner): number | undefined {
    const known = this.#known.get(record.id);
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

  #put(id: number, entry: Known): void {
    this.#known.set(id, entry);
    this.#added.push({ id, entry });
  }

  /** Notes a record that is in the archive already; for rebuilding a lost state. */
  note(record: Omit<Encoded, "line"> & { readonly rev: number }): void {
    const { id, captured, rev } = record;
    const level = captured?.hasRaw ? LEVELS.raw : captured ? LEVELS.content : LEVELS.metadata;
    const known = this.#known.get(id);
    if (!known || known.rev <= rev) this.#put(id, entryOf(record, rev, true, level));
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

function packed(entries: readonly { readonly id: number; readonly entry: Known }[]): Uint8Array {
  const texts = entries.reduce((sum, { entry }) => sum + (entry.level > 0 ? TEXT_BYTES : 0), 0);
  const bytes = new Uint8Array(entries.length * ENTRY_BYTES + texts);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { id, entry } of entries) {
    view.setFloat64(at, id);
    view.setUint32(at + 8, entry.content);
    view.setUint32(at + 12, entry.when);
    view.setFloat64(at + 16, entry.score);
    view.setUint16(at + 24, entry.rev);
    view.setUint8(at + 26, (entry.soft ? SOFT : 0) | (entry.raw ? RAW : 0));
    view.setUint8(at + 27, entry.level);
    at += ENTRY_BYTES;
    if (entry.level === 0) continue;
    view.setUint32(at, entry.texts);
    view.setUint32(at + 4, entry.size);
    at += TEXT_BYTES;
  }
  return bytes;
}
