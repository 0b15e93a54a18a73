/** Owns what counting keeps of each record: 48 bytes in a row of numbers. */
import { Rows } from "./rows.ts";
import type { Told, Weight } from "./told.ts";

/** Where each number stands in a row; the last two take two places. */
const INDEX = 0;
const REV = 1;
const FACT = 2;
const SESSION = 3;
const STREAM = 4;
const NEXT = 5;
const SPAN_HIGH = 6;
const SPAN_LOW = 7;
const TIME = 8;
const TOKENS = 10;
const WIDTH = 12;

/** Where each number stands in a row of what few rows weigh; the end takes two places. */
const LENGTH = 0;
const CONTENT = 1;
const TEXT_LENGTH = 2;
const TEXTS = 3;
const END = 4;
const WEIGHTS = 6;

const SIDECHAIN = 1;
const TRACED = 2;
const NESTED = 4;
const AGGREGATE = 8;
const CHAT = 16;
const CLASS = 32;
const STREAMS = 256;
/** In the place of a dropped telling's fact. */
const NO_FACT = 0xffffffff;

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
  readonly #weights = new Rows(WEIGHTS);
  count = 0;

  /** Puts a telling into a row: one that is there, or the next one. */
  put(row: number, t: Told, { index, fact, session, stream, rivals }: Place): void {
    if (row === this.count) this.count++;
    const rows = this.#rows;
    const words = rows.block(row);
    const at = rows.at(row);
    words[at + INDEX] = index;
    words[at + REV] = t.rev;
    words[at + FACT] = fact;
    words[at + SESSION] = session;
    words[at + STREAM] = stream * STREAMS + rivals * CLASS + flagsOf(t);
    words[at + SPAN_HIGH] = t.spanHigh;
    words[at + SPAN_LOW] = t.spanLow;
    rows.setDouble(row, TIME, t.time);
    rows.setDouble(row, TOKENS, t.tokens);
  }

  /** Adds what a telling weighs. */
  weigh(row: number, { length, end, content, textLength, texts }: Weight): void {
    this.#weights.set(row, LENGTH, length);
    this.#weights.set(row, CONTENT, content);
    this.#weights.set(row, TEXT_LENGTH, textLength);
    this.#weights.set(row, TEXTS, texts);
    this.#weights.setDouble(row, END, end);
  }

  #is(row: number, flag: number): boolean {
    return (this.#rows.get(row, STREAM) & flag) !== 0;
  }

  /** Takes a telling out for good: it is of an older revision, or of a fact that another one tells in its own session. */
  drop(row: number): void {
    this.#rows.set(row, FACT, NO_FACT);
  }

  isDropped(row: number): boolean {
    return this.#rows.get(row, FACT) === NO_FACT;
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

  /** Which of two that were weighed says more, in an order that the set alone decides: above 0 the first. */
  outweighs(a: number, b: number): number {
    const more = (word: number): number => this.#weights.get(a, word) - this.#weights.get(b, word);
    const later = this.#weights.getDouble(a, END) - this.#weights.getDouble(b, END);
    const earlier = this.time(b) - this.time(a); // no number where neither tells a time
    return more(LENGTH) || later || earlier || more(CONTENT) || more(TEXT_LENGTH) || more(TEXTS);
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
