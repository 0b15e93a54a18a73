/** Owns the bytes of a ledger's entries, as they are stored: a third of what objects take. */

/**
 * One entry: id, hashes of metadata and times, score, revision, flags (its times may still move; it has a raw item) and
 * level. Above level metadata the hash and the size of its texts follow.
 */
const ENTRY_BYTES = 28;
const TEXT_BYTES = 8;
const SOFT = 1;
const RAW = 2;

/** What a ledger remembers of a record. */
export interface Known {
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

/** Room that is made first, in bytes. */
const FIRST_ROOM = 16 * ENTRY_BYTES;
const NO_BYTES = new DataView(new ArrayBuffer(0));

/** Entries one after the other; an entry's place is where it begins. */
export class Entries {
  #view = NO_BYTES;
  length = 0;

  /** Adds an entry and tells its place. */
  add(id: number, entry: Known): number {
    if (this.length + ENTRY_BYTES + TEXT_BYTES > this.#view.byteLength) this.makeRoom(ENTRY_BYTES + TEXT_BYTES);
    const view = this.#view;
    const at = this.length;
    view.setFloat64(at, id);
    view.setUint32(at + 8, entry.content);
    view.setUint32(at + 12, entry.when);
    view.setFloat64(at + 16, entry.score);
    view.setUint16(at + 24, entry.rev);
    view.setUint8(at + 26, (entry.soft ? SOFT : 0) | (entry.raw ? RAW : 0));
    view.setUint8(at + 27, entry.level);
    this.length += ENTRY_BYTES;
    if (entry.level > 0) {
      view.setUint32(this.length, entry.texts);
      view.setUint32(this.length + 4, entry.size);
      this.length += TEXT_BYTES;
    }
    return at;
  }

  /** Adds entries as they were stored. */
  append(stored: Uint8Array): void {
    this.makeRoom(stored.length);
    new Uint8Array(this.#view.buffer).set(stored, this.length);
    this.length += stored.length;
  }

  /** Makes room for so many more bytes. */
  makeRoom(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.#view.byteLength) return;
    const larger = new Uint8Array(Math.max(FIRST_ROOM, this.length * 2, needed));
    larger.set(this.bytes(0, this.length));
    this.#view = new DataView(larger.buffer);
  }

  /** Each entry's id and place, in their order. */
  forEach(tell: (id: number, at: number) => void): void {
    for (let at = 0; at + ENTRY_BYTES <= this.length; at = this.endOf(at)) tell(this.#view.getFloat64(at), at);
  }

  at(at: number): Known {
    const view = this.#view;
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

  /** Where the entry at this place ends. */
  endOf(at: number): number {
    return at + (this.#view.getUint8(at + 27) > 0 ? ENTRY_BYTES + TEXT_BYTES : ENTRY_BYTES);
  }

  /** The bytes of a range; they stay as they are. */
  bytes(start: number, end: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, start, end - start);
  }
}
