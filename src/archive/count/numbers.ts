/** Owns numbering hashes in the order of their coming: 16 to 24 bytes each, where a map takes a hundred. */

/** Spreads the upper half over the slots. */
const MIX = 0x9e3779b9;
const FEWEST = 11;

/** Distinct hashes of 64 bits, given as two halves, each with its number from 0. */
export class Numbers {
  /** Both halves of each, by its number. */
  #halves: Uint32Array;
  /** Number + 1 by hash; 0 is free. Never more than half full. */
  #slots: Uint32Array;
  count = 0;

  /** `expected`: about how many there will be. */
  constructor(expected = 0) {
    const size = 2 ** Math.max(FEWEST, Math.ceil(Math.log2(expected * 2 + 1)));
    this.#slots = new Uint32Array(size);
    this.#halves = new Uint32Array(size);
  }

  /** The number of this hash; the next one when it is new. */
  of(high: number, low: number): number {
    const slot = this.#slot(high >>> 0, low >>> 0);
    const known = this.#slots[slot] as number;
    if (known > 0) return known - 1;
    const number = this.count++;
    this.#halves[number * 2] = high;
    this.#halves[number * 2 + 1] = low;
    this.#slots[slot] = number + 1;
    if (this.count * 2 >= this.#slots.length) this.#grow();
    return number;
  }

  /** The number of this hash; -1 when it has none. */
  known(high: number, low: number): number {
    return (this.#slots[this.#slot(high >>> 0, low >>> 0)] as number) - 1;
  }

  #slot(high: number, low: number): number {
    const slots = this.#slots;
    const halves = this.#halves;
    const mask = slots.length - 1;
    for (let slot = (low ^ Math.imul(high, MIX)) & mask; ; slot = (slot + 1) & mask) {
      const at = (slots[slot] as number) * 2;
      if (at === 0 || (halves[at - 1] === low && halves[at - 2] === high)) return slot;
    }
  }

  #grow(): void {
    const halves = this.#halves;
    const size = this.#slots.length * 2;
    this.#halves = new Uint32Array(size);
    this.#halves.set(halves);
    this.#slots = new Uint32Array(size);
    for (let n = 0; n < this.count; n++)
      this.#slots[this.#slot(halves[n * 2] as number, halves[n * 2 + 1] as number)] = n + 1;
  }
}
