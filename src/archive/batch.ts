/** Owns the output of a batch: lines as bytes, in one buffer that is used again for every batch. */

import { visibleJson } from "../record/visible.ts";

const FIRST = 1 << 20;

export class OutputBatch {
  #buffer = Buffer.allocUnsafeSlow(FIRST);
  #length = 0;
  #ends: number[] = [];

  /** Adds a line of JSON, which ends with its newline; what cannot be seen in it is escaped. */
  add(line: string): void {
    let written = this.write(line);
    // ASCII takes a byte a character, and all of it but one can be seen: most lines need no closer look.
    if (written !== line.length || line.includes("\x7f")) written = this.write(visibleJson(line));
    this.#length += written;
    this.#ends.push(this.#length);
  }

  private write(line: string): number {
    const most = this.#length + line.length * 3;
    if (most > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, most));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    return this.#buffer.write(line, this.#length);
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
