/** Owns what counting keeps of each record: 64 bytes in a row of numbers. */
import { Rows } from "./rows.ts";
import type { Told } from "./told.ts";

/** Where each number stands in a row; the last two take two places. */
const INDEX = 0;
const REV = 1;
const FACT = 2;
const SESSION = 3;
const STREAM = 4;
const LENGTH = 5;
const CONTENT = 6;
const NEXT = 7;
const SPAN_HIGH = 8;
const SPAN_LOW = 9;
const TEXT_LENGTH = 10;
const TEXTS = 11;
const TIME = 12;
const TOKENS = 14;
const WIDTH = 16;

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
  readonly #rows = new Rows(WIDTH);
  count = 0;

  /** Puts a telling into a row: one that is there, or the next one. */
  put(row: number, t: Told, { index, fact, session, stream, rivals }: Place): void {
    if (row === this.count) this.count++;
    const rows = this.#rows;
    rows.set(row, INDEX, index);
    rows.set(row, REV, t.rev);
    rows.set(row, FACT, fact);
    rows.set(row, SESSION, session);
    rows.set(row, STREAM, stream * STREAMS + rivals * CLASS + flagsOf(t));
    rows.set(row, LENGTH, t.length);
    rows.set(row, CONTENT, t.content);
    rows.set(row, TEXT_LENGTH, t.textLength);
    rows.set(row, TEXTS, t.texts);
    rows.set(row, SPAN_HIGH, t.spanHigh);
    rows.set(row, SPAN_LOW, t.spanLow);
    rows.setDouble(row, TIME, t.time);
    rows.setDouble(row, TOKENS, t.tokens);
  }

  #is(row: number, flag: number): boolean {
    return (this.#rows.get(row, STREAM) & flag) !== 0;
  }

  index(row: number): number {
    return this.#rows.get(row, INDEX);
  }

  rev(row: number): number {
    return this.#rows.get(row, REV);
  }

  fact(row: number): number {
    return this.#rows.get(row, FACT);
  }

  session(row: number): number {
    return this.#rows.get(row, SESSION);
  }

  stream(row: number): number {
    return Math.floor(this.#rows.get(row, STREAM) / STREAMS);
  }

  rivals(row: number): number {
    return (this.#rows.get(row, STREAM) & (STREAMS - 1)) >>> 5;
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
    return this.#rows.get(row, SPAN_HIGH);
  }

  spanLow(row: number): number {
    return this.#rows.get(row, SPAN_LOW);
  }

  length(row: number): number {
    return this.#rows.get(row, LENGTH);
  }

  content(row: number): number {
    return this.#rows.get(row, CONTENT);
  }

  textLength(row: number): number {
    return this.#rows.get(row, TEXT_LENGTH);
  }

  texts(row: number): number {
    return this.#rows.get(row, TEXTS);
  }

  time(row: number): number {
    return this.#rows.getDouble(row, TIME);
  }

  tokens(row: number): number {
    return this.#rows.getDouble(row, TOKENS);
  }

  /** The row after this one in a chain; -1 at its end. */
  next(row: number): number {
    return this.#rows.get(row, NEXT) - 1;
  }

  chain(row: number, next: number): void {
    this.#rows.set(row, NEXT, next + 1);
  }
}

function flagsOf(t: Told): number {
  return (
    (t.operation === "chat" ? CHAT : 0) +
    (t.isAggregate ? AGGREGATE : 0) +
    (t.isNested ? NESTED : 0) +
    (t.isTraced ? TRACED : 0) +
    (t.isSidechain ? SIDECHAIN : 0)
  );
}
