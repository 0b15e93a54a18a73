/** Owns numbering hashes in the order of their coming: 16 to 24 bytes each, where a map takes a hundred. */
import { Rows } from "./rows.ts";

const HIGH = 0;
const LOW = 1;
/** Spreads the upper half over the slots. */
const MIX = 0x9e3779b9;

/** Distinct hashes of 64 bits, given as two halves, each with its number from 0. */
export class Numbers {
  readonly #halves = new Rows(2);
  /** Number + 1 by hash; 0 is free. Never more than half full. */
  #slots = new Uint32Array(1 << 11);
  count = 0;

  /** The number of this hash; the next one when it is new. */
  of(high: number, low: number): number {
    const slot = this.#slot(high >>> 0, low >>> 0);
    const known = this.#slots[slot] as number;
    if (known > 0) return known - 1;
    this.#halves.set(this.count, HIGH, high);
    this.#halves.set(this.count, LOW, low);
    this.#slots[slot] = ++this.count;
    if (this.count * 2 >= this.#slots.length) this.#rehash();
    return this.count - 1;
  }

  /** The number of this hash; -1 when it has none. */
  known(high: number, low: number): number {
    return (this.#slots[this.#slot(high >>> 0, low >>> 0)] as number) - 1;
  }

  #slot(high: number, low: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = (low ^ Math.imul(high, MIX)) & mask; ; slot = (slot + 1) & mask) {
      const at = (slots[slot] as number) - 1;
      if (at < 0 || (this.#halves.get(at, LOW) === low && this.#halves.get(at, HIGH) === high)) return slot;
    }
  }

  #rehash(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let at = 0; at < this.count; at++)
      this.#slots[this.#slot(this.#halves.get(at, HIGH), this.#halves.get(at, LOW))] = at + 1;
  }
}
