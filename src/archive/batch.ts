/** Owns the output of a batch: lines as bytes, in one buffer that is used again for every batch. */

const FIRST = 1 << 20;

export class OutputBatch {
  #buffer = Buffer.allocUnsafeSlow(FIRST);
  #length = 0;
  #ends: number[] = [];

  /** Adds a line, which ends with its newline. */
  add(line: string): void {
    const most = this.#length + line.length * 3;
    if (most > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, most));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#length += this.#buffer.write(line, this.#length, "utf8");
    this.#ends.push(this.#length);
  }

  get length(): number {
    return this.#length;
  }

  /** Where each line ends, its newline included. */
  get ends(): readonly number[] {
    return this.#ends;
  }

  /** The bytes of a range; valid until the next `add` or `clear`. */
  bytes(start: number = 0, end: number = this.#length): Uint8Array {
    return this.#buffer.subarray(start, end);
  }

  clear(): void {
    this.#length = 0;
    this.#ends = [];
  }
}
