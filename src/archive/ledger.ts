/** Owns the ledger: which records of one source have been archived, and with what content. */
import { type Encoded, isOfSameTokens } from "../record/encode.ts";
import { Entries, type Known } from "./entries.ts";

/** At which capture level a record was told. */
export const LEVELS = { metadata: 0, content: 1, raw: 2 } as const;
export type Level = (typeof LEVELS)[keyof typeof LEVELS];

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
  /** Absent: only metadata is archived. */
  readonly capture?: Capturing | undefined;
}

/** What one source has told: by it the same telling is archived once, however often the source is read. */
export class Ledger {
  readonly #entries = new Entries();
  /** How many bytes of them have been taken to be stored. */
  #taken = 0;

  /** The ledger that these batches, in their order, add up to. */
  static from(batches: readonly Uint8Array[]): Ledger {
    const ledger = new Ledger();
    for (const batch of batches) ledger.#entries.append(batch);
    ledger.#taken = ledger.#entries.length;
    return ledger;
  }

  /**
   * Decides on one telling. A number is the revision to archive it as (0: a new record); undefined: it is known, it
   * tells less than what is known, or only its times differ though they were final. Metadata decides; where it is the
   * same, other texts are a revision, and a telling without texts never replaces one that has them. `isPartial`: what it
   * is understood by may have been deleted, so with the same tokens one that knows less is no news.
   */
  judge(record: Encoded, manner: Manner, isPartial = false): number | undefined {
    const known = this.#entries.of(record.id);
    const rev = known ? revisionOf(known, record, manner, isPartial) : 0;
    if (rev === undefined) {
      if (known?.soft && !manner.soft && known.content === record.content && known.when === record.when)
        this.#entries.add(record.id, { ...known, soft: false });
      return undefined;
    }
    const level = manner.capture?.level ?? LEVELS.metadata;
    this.#entries.add(record.id, entryOf(record, Math.min(rev, 0xffff), manner.soft, level));
    return rev;
  }

  /** Notes a record that is in the archive already; for rebuilding a lost state. */
  note(record: Omit<Encoded, "line"> & { readonly rev: number }): void {
    const { id, captured, rev } = record;
    const level = captured?.hasRaw ? LEVELS.raw : captured ? LEVELS.content : LEVELS.metadata;
    const known = this.#entries.of(id);
    if (!known || known.rev <= rev) this.#entries.add(id, entryOf(record, rev, true, level));
  }

  /** What was added since the last call, as one batch to store; undefined when nothing was. */
  takeBatch(): Uint8Array | undefined {
    const from = this.#taken;
    this.#taken = this.#entries.length;
    return from === this.#taken ? undefined : this.#entries.bytes(from, this.#taken);
  }

  /** The whole ledger as one batch, in which each id has one entry. */
  packed(): Uint8Array {
    return this.#entries.packed();
  }
}

function revisionOf(known: Known, record: Encoded, manner: Manner, isPartial: boolean): number | undefined {
  if (known.content === record.content && (known.when === record.when || !known.soft))
    return hasMoreTexts(known, record, manner) ? known.rev + 1 : undefined;
  if (manner.monotone && record.score < known.score) return undefined;
  if (isPartial && record.score < known.score && isOfSameTokens(record.score, known.score)) return undefined;
  return known.rev + 1;
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
