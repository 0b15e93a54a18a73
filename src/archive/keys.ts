/** Owns sets of keys in typed arrays: 16 to 32 bytes a key, where the language's own set takes twice that. */

/** No key is below 0. */
const FREE = -1;

/** Distinct whole numbers from 0 on. */
export class KeySet {
  /** Never more than half full. */
  #slots = new Float64Array(1 << 10).fill(FREE);
  size = 0;

  has(key: number): boolean {
    return this.#slots[this.#slot(key)] === key;
  }

  /** True when it was not there. */
  add(key: number): boolean {
    const slot = this.#slot(key);
    if (this.#slots[slot] === key) return false;
    this.#slots[slot] = key;
    if (++this.size * 2 > this.#slots.length) this.#grow();
    return true;
  }

  #slot(key: number): number {
    const mask = this.#slots.length - 1;
    // The upper bits of a key are as random as the lower ones.
    let slot = Math.floor(key / 2 ** 20) & mask;
    while (this.#slots[slot] !== FREE && this.#slots[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const keys = this.#slots;
    this.#slots = new Float64Array(keys.length * 2).fill(FREE);
    for (const key of keys) if (key !== FREE) this.#slots[this.#slot(key)] = key;
  }
}
