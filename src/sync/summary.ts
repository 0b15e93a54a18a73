/** Owns the count of what a run did: what `sync --json` prints and what the exit code is made from. */
import type { Unreadable } from "./walk.ts";

export interface Summary {
  readonly sources: { found: number; read: number };
  readonly bytes: { read: number };
  /** Of files that are only appended to. */
  readonly lines: { read: number };
  /** By agent and stream: lines that could not be skimmed and were parsed whole. */
  readonly unskimmed: Record<string, number>;
  readonly records: { added: number; revised: number; known: number };
  /** By agent and stream: records added or revised. */
  readonly byStream: Record<string, number>;
  readonly quarantined: {
    readonly path: string;
    readonly offset: number;
    readonly length: number;
    readonly reason: string;
  }[];
  readonly unreadable: Unreadable[];
  /** Record types, attributes and schemas that the reducers do not know, with their number. */
  readonly unknown: Record<string, number>;
  /** What the producers themselves lost, with its number. */
  readonly lost: Record<string, number>;
  /** Secrets that were taken out of texts, by the rule that told them. */
  readonly redacted: Record<string, number>;
  /** Last lines that still wait for their newline. */
  torn: number;
  /** Sources read again from their start, because they were rewritten or weir has learned to count better. */
  restarted: number;
  stopped: boolean;
}

export function newSummary(): Summary {
  return {
    sources: { found: 0, read: 0 },
    bytes: { read: 0 },
    lines: { read: 0 },
    unskimmed: {},
    records: { added: 0, revised: 0, known: 0 },
    byStream: {},
    quarantined: [],
    unreadable: [],
    unknown: {},
    lost: {},
    redacted: {},
    torn: 0,
    restarted: 0,
    stopped: false,
  };
}

/** Adds one to a named count. */
export function tally(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/** So many unknown names are told apart; a hostile store has more. */
const MOST_NAMES = 200;
const LONGEST_NAME = 100;
/** What may be a key or a token: so long, and with digits or more capitals than words have. */
const TOKEN = /[\w+/=-]{16,}/g;
const CAPITALS = 0.25;

/** Counts a name that weir does not know. Programs name things with words; whatever looks like a secret is left out. */
export function tallyUnknown(counts: Record<string, number>, owner: string, what: string): void {
  const shown = what.slice(0, LONGEST_NAME).replace(TOKEN, (token) => (isWords(token) ? token : "…"));
  const name = `${owner}: ${shown}`;
  tally(counts, name in counts || Object.keys(counts).length < MOST_NAMES ? name : `${owner}: other`);
}

function isWords(token: string): boolean {
  return !/\d/.test(token) && token.replace(/[^A-Z]/g, "").length <= token.length * CAPITALS;
}

/** True when something could not be read in this run (exit code 3). */
export function isIncomplete(summary: Summary): boolean {
  return summary.quarantined.length > 0 || summary.unreadable.length > 0;
}
