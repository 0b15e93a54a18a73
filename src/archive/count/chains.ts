/** Owns which tellings tell the same fact: chains of rows, which are joined where two facts turn out to be one. */
import type { Tellings } from "./tellings.ts";

export class Chains {
  /** The fact that this one was joined to, which may be joined to another; itself, where it was not. */
  readonly #joinedTo: Uint32Array;
  /** The first row of each fact's chain + 1; 0 for a fact that no last revision tells. */
  readonly #first: Uint32Array;

  constructor(
    private readonly tellings: Tellings,
    facts: number,
    /** Facts that are one. */
    pairs: Iterable<readonly [fact: number, other: number]>,
  ) {
    this.#joinedTo = new Uint32Array(facts);
    for (let fact = 0; fact < facts; fact++) this.#joinedTo[fact] = fact;
    for (const [fact, other] of pairs) this.#joinedTo[this.of(other)] = this.of(fact);
    this.#first = new Uint32Array(facts);
    for (let row = tellings.count - 1; row >= 0; row--) {
      if (tellings.isDropped(row)) continue;
      const fact = this.of(tellings.fact(row));
      tellings.chain(row, (this.#first[fact] as number) - 1);
      this.#first[fact] = row + 1;
    }
  }

  get facts(): number {
    return this.#first.length;
  }

  /** The fact under which a fact's tellings are. */
  of(fact: number): number {
    const to = this.#joinedTo;
    let at = fact;
    while (to[at] !== at) {
      to[at] = to[to[at] as number] as number; // so that long ways become short
      at = to[at] as number;
    }
    return at;
  }

  /** The first telling of a fact; -1 when there is none. */
  first(fact: number): number {
    return (this.#first[this.of(fact)] as number) - 1;
  }

  /** The tellings of a fact, in their order. */
  *tellers(fact: number): Generator<number> {
    for (let row = this.first(fact); row >= 0; row = this.tellings.next(row)) yield row;
  }

  /** Puts the tellings of two facts into one chain, in their order. */
  join(fact: number, other: number): void {
    const into = this.of(fact);
    const from = this.of(other);
    if (into === from) return;
    const { tellings } = this;
    const moved: number[] = [...this.tellers(into), ...this.tellers(from)].sort((a, b) => a - b);
    moved.forEach((row, n) => {
      tellings.chain(row, moved[n + 1] ?? -1);
    });
    this.#first[into] = (moved[0] ?? -1) + 1;
    this.#joinedTo[from] = into;
  }
}
