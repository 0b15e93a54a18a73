/** Owns what counting keeps of each record: 56 bytes in a row of numbers, in blocks, so that growing copies nothing. */
import type { Told } from "./told.ts";

const BLOCK = 1 << 14;
/** Numbers of 32 bits in a row; the last two pairs are read as numbers of 64 bits. */
const WIDTH = 14;

const [INDEX, REV, FACT, SESSION, STREAM, LENGTH, CONTENT, NEXT, SPAN_HIGH, SPAN_LOW] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const [TIME, TOKENS] = [5, 6];

const SIDECHAIN = 1;
const TRACED = 2;
const NESTED = 4;
const AGGREGATE = 8;
const CHAT = 16;
const CLASS = 32;
const STREAMS = 256;

/** What the counter knows of a record beyond what it tells: texts are numbers that it gave them. */
export interface Place {
  readonly index: number;
  readonly fact: number;
  /** 0 for none. */
  readonly session: number;
  readonly stream: number;
  /** The class of facts that streams may tell without a common key. */
  readonly rivals: number;
}

/** Tellings by row number, from 0. */
export class Tellings {
  readonly #words: Uint32Array[] = [];
  readonly #doubles: Float64Array[] = [];
  count = 0;

  /** Puts a telling into a row: one that is there, or the next one. */
  put(row: number, t: Told, { index, fact, session, stream, rivals }: Place): void {
    if (row === this.count) this.#next();
    const words = this.#words[row >>> 14] as Uint32Array;
    const at = (row & (BLOCK - 1)) * WIDTH;
    words[at + INDEX] = index;
    words[at + REV] = t.rev;
    words[at + FACT] = fact;
    words[at + SESSION] = session;
    words[at + STREAM] =
      stream * STREAMS +
      rivals * CLASS +
      (t.operation === "chat" ? CHAT : 0) +
      (t.isAggregate ? AGGREGATE : 0) +
      (t.isNested ? NESTED : 0) +
      (t.isTraced ? TRACED : 0) +
      (t.isSidechain ? SIDECHAIN : 0);
    words[at + LENGTH] = t.length;
    words[at + CONTENT] = t.content;
    words[at + SPAN_HIGH] = t.spanHigh;
    words[at + SPAN_LOW] = t.spanLow;
    const doubles = this.#doubles[row >>> 14] as Float64Array;
    doubles[at / 2 + TIME] = t.time;
    doubles[at / 2 + TOKENS] = t.tokens;
  }

  #next(): void {
    if (this.count++ % BLOCK !== 0) return;
    const words = new Uint32Array(BLOCK * WIDTH);
    this.#words.push(words);
    this.#doubles.push(new Float64Array(words.buffer));
  }

  #word(row: number, which: number): number {
    return (this.#words[row >>> 14] as Uint32Array)[(row & (BLOCK - 1)) * WIDTH + which] as number;
  }

  #double(row: number, which: number): number {
    return (this.#doubles[row >>> 14] as Float64Array)[((row & (BLOCK - 1)) * WIDTH) / 2 + which] as number;
  }

  #is(row: number, flag: number): boolean {
    return (this.#word(row, STREAM) & flag) !== 0;
  }

  index(row: number): number {
    return this.#word(row, INDEX);
  }

  rev(row: number): number {
    return this.#word(row, REV);
  }

  fact(row: number): number {
    return this.#word(row, FACT);
  }

  session(row: number): number {
    return this.#word(row, SESSION);
  }

  stream(row: number): number {
    return Math.floor(this.#word(row, STREAM) / STREAMS);
  }

  rivals(row: number): number {
    return (this.#word(row, STREAM) & (STREAMS - 1)) >>> 5;
  }

  isChat(row: number): boolean {
    return this.#is(row, CHAT);
  }

  isSidechain(row: number): boolean {
    return this.#is(row, SIDECHAIN);
  }

  isTraced(row: number): boolean {
    return this.#is(row, TRACED);
  }

  isNested(row: number): boolean {
    return this.#is(row, NESTED);
  }

  isAggregate(row: number): boolean {
    return this.#is(row, AGGREGATE);
  }

  spanHigh(row: number): number {
    return this.#word(row, SPAN_HIGH);
  }

  spanLow(row: number): number {
    return this.#word(row, SPAN_LOW);
  }

  length(row: number): number {
    return this.#word(row, LENGTH);
  }

  content(row: number): number {
    return this.#word(row, CONTENT);
  }

  time(row: number): number {
    return this.#double(row, TIME);
  }

  tokens(row: number): number {
    return this.#double(row, TOKENS);
  }

  /** The row after this one in a chain; -1 at its end. */
  next(row: number): number {
    return this.#word(row, NEXT) - 1;
  }

  chain(row: number, next: number): void {
    (this.#words[row >>> 14] as Uint32Array)[(row & (BLOCK - 1)) * WIDTH + NEXT] = next + 1;
  }
}
