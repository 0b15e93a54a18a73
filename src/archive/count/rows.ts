/** Owns rows of numbers in blocks, each made when it is first written to: growing copies nothing and leaves nothing behind. */

const BLOCK = 1 << 14;

/** Rows of `width` numbers of 32 bits; two of them that begin at an even place may be one of 64 bits. */
export class Rows {
  readonly #words: Uint32Array[] = [];
  readonly #doubles: Float64Array[] = [];

  /** `width` is even where doubles are kept. */
  constructor(private readonly width: number) {}

  /** The block of a row, which begins there at `at(row)`. */
  block(row: number): Uint32Array {
    const block = this.#words[row >>> 14];
    if (block) return block;
    const words = new Uint32Array(BLOCK * this.width);
    this.#words[row >>> 14] = words;
    this.#doubles[row >>> 14] = new Float64Array(words.buffer);
    return words;
  }

  at(row: number): number {
    return (row & (BLOCK - 1)) * this.width;
  }

  set(row: number, word: number, value: number): void {
    this.block(row)[this.at(row) + word] = value;
  }

  get(row: number, word: number): number {
    return (this.#words[row >>> 14] as Uint32Array)[this.at(row) + word] as number;
  }

  setDouble(row: number, word: number, value: number): void {
    this.block(row);
    (this.#doubles[row >>> 14] as Float64Array)[(this.at(row) + word) / 2] = value;
  }

  getDouble(row: number, word: number): number {
    return (this.#doubles[row >>> 14] as Float64Array)[(this.at(row) + word) / 2] as number;
  }
}
