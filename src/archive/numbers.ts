/** Owns numbering hashes in the order of their coming, in typed arrays: 16 to 24 bytes each, where a map takes a hundred. */

const FIRST = 1 << 10;
/** Spreads the upper half over the slots. */
const MIX = 0x9e3779b9;
/** The same numbers in an array with room for more. */
function larger(array: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const made = new Uint32Array(length);
  made.set(array);
  return made;
}

/** Distinct hashes of 64 bits, given as two halves, each with its number from 0. */
export class Numbers {
  #high = new Uint32Array(FIRST);
  #low = new Uint32Array(FIRST);
  /** Number + 1 by hash; 0 is free. Never more than half full. */
  #slots = new Uint32Array(FIRST * 2);
  count = 0;

  /** The number of this hash; the next one when it is new. */
  of(high: number, low: number): number {
    const known = this.known(high, low);
    if (known >= 0) return known;
    if (this.count === this.#high.length) this.#grow();
    if (this.count * 2 >= this.#slots.length) this.#rehash();
    this.#high[this.count] = high;
    this.#low[this.count] = low;
    this.#slots[this.#slot(high >>> 0, low >>> 0)] = this.count + 1;
    return this.count++;
  }

  /** The number of this hash; -1 when it has none. */
  known(high: number, low: number): number {
    return (this.#slots[this.#slot(high >>> 0, low >>> 0)] ?? 0) - 1;
  }

  #slot(high: number, low: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = (low ^ Math.imul(high, MIX)) & mask; ; slot = (slot + 1) & mask) {
      const at = (this.#slots[slot] ?? 0) - 1;
      if (at < 0 || (this.#low[at] === low && this.#high[at] === high)) return slot;
    }
  }

  #grow(): void {
    const length = Math.ceil(this.count * 1.5);
    this.#high = larger(this.#high, length);
    this.#low = larger(this.#low, length);
  }

  #rehash(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let at = 0; at < this.count; at++)
      this.#slots[this.#slot(this.#high[at] as number, this.#low[at] as number)] = at + 1;
  }
}
