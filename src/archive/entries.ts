/**
 * Owns the entries of a ledger: their bytes, as they are stored, and finding the last one of an id. With that an entry
 * takes 36 to 44 bytes, where objects in a map took some 160.
 */

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

/** Room that is made first: in bytes, and for places. */
const FIRST_ROOM = 16 * ENTRY_BYTES;
const FIRST_SLOTS = 32;

const NO_BYTES = new DataView(new ArrayBuffer(0));
const NO_SLOTS = new Uint32Array(1);

/** Entries one after the other; the last one of an id is the one that holds. An entry's place is where it begins. */
export class Entries {
  #view = NO_BYTES;
  /** Place + 1 of each id's last entry, by the id, whose bits are random; 0 is free. Never more than half full. */
  #slots = NO_SLOTS;
  #ids = 0;
  /** All bytes. */
  length = 0;

  /** Adds an entry. */
  add(id: number, entry: Known): void {
    this.makeRoom(ENTRY_BYTES + TEXT_BYTES);
    const view = this.#view;
    const at = this.length;
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
    this.hold(at);
    this.length = this.endOf(at);
  }

  /** Adds entries as they were stored; what is less than one at their end is left out. */
  append(stored: Uint8Array): void {
    this.makeRoom(stored.length);
    new Uint8Array(this.#view.buffer).set(stored, this.length);
    const end = this.length + stored.length;
    for (; this.length + ENTRY_BYTES <= end; this.length = this.endOf(this.length)) this.hold(this.length);
  }

  /** The last entry of an id. */
  of(id: number): Known | undefined {
    const at = (this.#slots[this.slotOf(id)] as number) - 1;
    if (at < 0) return undefined;
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

  /** The bytes of a range; they stay as they are. */
  bytes(start: number, end: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, start, end - start);
  }

  /** The bytes of the last entry of each id. */
  packed(): Uint8Array {
    const packed = new Uint8Array(this.length);
    let length = 0;
    let from = 0;
    const take = (to: number): void => {
      packed.set(this.bytes(from, to), length);
      length += to - from;
    };
    for (let at = 0; at < this.length; ) {
      const end = this.endOf(at);
      if (!this.isHeld(at)) {
        take(at);
        from = end;
      }
      at = end;
    }
    take(this.length);
    return packed.subarray(0, length);
  }

  private endOf(at: number): number {
    return at + (this.#view.getUint8(at + 27) > 0 ? ENTRY_BYTES + TEXT_BYTES : ENTRY_BYTES);
  }

  private isHeld(at: number): boolean {
    return this.#slots[this.slotOf(this.#view.getFloat64(at))] === at + 1;
  }

  /** From now on the entry at this place is its id's last one. */
  private hold(at: number): void {
    if ((this.#ids + 1) * 2 > this.#slots.length) this.growSlots();
    const slot = this.slotOf(this.#view.getFloat64(at));
    if (this.#slots[slot] === 0) this.#ids++;
    this.#slots[slot] = at + 1;
  }

  /** The slot of an id, or the free one that it would take. */
  private slotOf(id: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = id & mask; ; slot = (slot + 1) & mask) {
      const at = (slots[slot] as number) - 1;
      if (at < 0 || this.#view.getFloat64(at) === id) return slot;
    }
  }

  private growSlots(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(Math.max(FIRST_SLOTS, before.length * 2));
    for (const held of before) if (held > 0) this.#slots[this.slotOf(this.#view.getFloat64(held - 1))] = held;
  }

  private makeRoom(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.#view.byteLength) return;
    const larger = new Uint8Array(Math.max(FIRST_ROOM, this.length * 2, needed));
    larger.set(this.bytes(0, this.length));
    this.#view = new DataView(larger.buffer);
  }
}
