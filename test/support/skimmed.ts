/** Owns how skimmed readings are held against full parses: random well-formed lines, folded by a stream in both ways. */
import { expect } from "bun:test";
import { agents } from "../../src/agents/index.ts";
import { ByteLine } from "../../src/read/line.ts";
import { Skimmer } from "../../src/read/skim/skim.ts";
import type { Reads, Snapshot, Tail } from "../../src/read/types.ts";
import type { Draft, Emit } from "../../src/record/draft.ts";
import type { JsonObject } from "../../src/record/json.ts";
import { type Random, SEED, setting, trial } from "./random.ts";

/** A stream that says what it reads of a line, or of a document. */
export type Skimmed = Tail<unknown> | Snapshot;

export function readsOf(stream: Skimmed): Reads | undefined {
  if (stream.shape === "tail") return stream.reads;
  return stream.groups.form === "json" ? stream.groups.reads : undefined;
}

/** A stream of append-only files; the agent's first one without its kind. */
export function tailOf(agent: string, kind?: string): Tail<unknown> {
  const streams = agents.find(({ id }) => id === agent)?.streams ?? [];
  return streams.find((stream) => kind === undefined || stream.kind === kind) as Tail<unknown>;
}

/** What a stream makes of some lines or documents, and how many of them it parsed whole. */
interface Fold {
  readonly drafts: readonly Draft[];
  readonly unknown: readonly string[];
  readonly lost: readonly string[];
  readonly parsed: number;
}

/** How lines are read: as usual, with every means but the full parse taken away, or with their texts. */
type Manner = "usual" | "whole" | "texts";

/** Folds lines as the reader hands them out, all of one chunk; of a snapshot each is a document. */
export function fold(stream: Skimmed, path: string, lines: readonly string[], manner: Manner = "usual"): Fold {
  const [drafts, unknown, lost]: [Draft[], string[], string[]] = [[], [], []];
  const emit: Emit = Object.assign(({ raw: _, ...draft }: Draft) => void drafts.push(structuredClone(draft)), {
    captures: manner === "texts",
    keep: <T>(value: T): T | undefined => (manner === "texts" ? value : undefined),
    unknown: (what: string) => void unknown.push(what),
    lost: (what: string) => void lost.push(what),
  });
  const text = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  const reads = manner === "usual" ? readsOf(stream) : undefined;
  const skimmer = reads && Skimmer.of(reads, text.length)!;
  const bytes = skimmer?.bytes ?? text;
  if (skimmer) text.copy(bytes);
  const source = { path, stem: path.replace(/^.*\/|\.[^.]*$/g, ""), sidecars: {} };
  const state = stream.shape === "tail" ? stream.start(source) : undefined;
  let parsed = 0;
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf(10, start);
    if (stream.shape === "tail") {
      const line = new ByteLine(bytes, start, start, end, skimmer);
      stream.step(state, line, emit);
      if (!skimmer || line.isUnskimmed) parsed++;
    } else {
      const document = skimmer?.skim(start, end);
      if (!document) parsed++;
      stream.reduce({ key: "", document: document ?? JSON.parse(text.toString("utf8", start, end)) }, source, emit);
    }
    start = end + 1;
  }
  if (stream.shape === "tail") stream.open(state, emit);
  return { drafts, unknown, lost, parsed };
}

/** Lines of each stream that are read in all manners; `WEIR_LINES=20000` reads more. */
export const LINES = setting("WEIR_LINES", 250);

/** What a stream reads one after the other, as lines of the file at this path; of a snapshot one document. */
export interface Log {
  readonly path: string;
  readonly objects: readonly unknown[];
}

/** Reads logs of so many lines, each a little different from what the agent writes, in all manners; most must be skimmed. */
export async function proveSame(stream: Skimmed, most: number, some: (r: Random) => Log): Promise<void> {
  let [lines, skimmed] = [0, 0];
  for (let at = 0; lines < most; at++)
    await trial(SEED + at, (r) => {
      const { path, objects } = some(r);
      const texts = objects.map((o) => jsonLine(varied(o, r, someVariation(r)), r));
      lines += texts.length;
      skimmed += expectSameFold(stream, path, texts);
    });
  expect(skimmed).toBeGreaterThan(lines / 2);
}

/** Expects all manners of reading to say the same but for the texts; gives how many lines were usually not parsed whole. */
function expectSameFold(stream: Skimmed, path: string, lines: readonly string[]): number {
  const usual = fold(stream, path, lines);
  const full = fold(stream, path, lines, "whole");
  expect({ ...usual, parsed: 0 }).toEqual({ ...full, parsed: 0 });
  const texts = fold(stream, path, lines, "texts");
  expect(bare(texts.drafts)).toEqual(bare(full.drafts));
  expect({ ...texts, drafts: [], parsed: 0 }).toEqual({ ...full, drafts: [], parsed: 0 });
  return lines.length - usual.parsed;
}

/** Drafts without texts, as a ledger takes them: what is told again with other texts, times or places alone is no news. */
function bare(drafts: readonly Draft[]): JsonObject[] {
  const first = new Map<string, JsonObject>();
  for (const { content: _, ...draft } of drafts) {
    const { time, end_time, duration_ms, at, ...timeless } = draft;
    const known = JSON.stringify(Object.fromEntries(Object.entries(timeless).toSorted()));
    if (!first.has(known)) first.set(known, { ...draft });
  }
  return [...first.values()];
}

/** Texts that look like what a reader searches for, and characters that are more than one byte. */
const WORDS = [
  "ok",
  '"',
  "\\",
  "\n",
  "\t",
  " ",
  "é",
  "語",
  "🜁",
  "\u3000",
  "\u00a0",
  "\u2028",
  "{}",
  '"},"uuid":"',
  '}]},"uuid":"x","timestamp":"2020-01-01T00:00:00.000Z"',
  '],"stop_reason":"end_turn"',
  '"type":"tool_use"',
  ',"is_error":true}',
  '"tool_use_id":"x"',
  '","call_id":"y"',
  '"exit_code":1,',
  "exited with code 2",
  ',"window_number":7,',
  "x".repeat(70),
];

export function someText(r: Random, most = 6): string {
  return Array.from({ length: r.int(0, most) }, () => r.pick(WORDS)).join("");
}

export function someValue(r: Random, depth = 2): unknown {
  const kinds = depth > 0 ? 7 : 5;
  switch (r.int(0, kinds)) {
    case 0:
      return null;
    case 1:
      return r.int(-1, 1e6);
    case 2:
      return r.chance(0.5);
    case 3:
    case 4:
    case 5:
      return someText(r);
    case 6:
      return Array.from({ length: r.int(0, 2) }, () => someValue(r, depth - 1));
    default:
      return { [r.pick(["a", "content", "id", "name", "type", "status"])]: someValue(r, depth - 1) };
  }
}

/** How far a line may be from what the agent writes. */
interface Variation {
  readonly order: boolean;
  readonly extra: boolean;
  readonly missing: boolean;
  readonly types: boolean;
}

/** One of the ways in which a line may differ, or none. */
function someVariation(r: Random): Variation {
  const one = r.int(0, 9);
  return { order: one === 0 || one === 4, extra: one === 1 || one === 4, missing: one === 2, types: one === 3 };
}

/** The same object with some keys elsewhere, added, gone or of another type, at any depth. */
function varied(value: unknown, r: Random, how: Variation): unknown {
  if (Array.isArray(value)) return value.map((item) => varied(item, r, how));
  if (typeof value !== "object" || value === null) return value;
  let entries = Object.entries(value).map(([key, inner]) => [key, varied(inner, r, how)] as [string, unknown]);
  if (how.missing) entries = entries.filter(() => !r.chance(0.06));
  if (how.types) entries = entries.map(([key, inner]) => [key, r.chance(0.06) ? someValue(r) : inner]);
  if (how.extra && r.chance(0.3)) entries.splice(r.int(0, entries.length), 0, [`extra${r.int(1, 3)}`, someValue(r)]);
  if (how.order && r.chance(0.5)) entries = r.shuffled(entries);
  return Object.fromEntries(entries);
}

/** A value as JSON. In some lines free texts are escaped more than they need; single words, ids and keys never are. */
function jsonLine(value: unknown, r: Random): string {
  return r.chance(0.8) ? JSON.stringify(value) : escaped(value, r);
}

function escaped(value: unknown, r: Random): string {
  if (typeof value === "string") return /^[\w:.-]*$/.test(value) ? JSON.stringify(value) : escapedText(value, r);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => escaped(item, r)).join()}]`;
  const entries = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${escaped(inner, r)}`);
  return `{${entries.join()}}`;
}

function escapedText(text: string, r: Random): string {
  const units = text.split("").map((unit) => {
    if (!r.chance(0.2)) return JSON.stringify(unit).slice(1, -1);
    return unit === "/" ? "\\/" : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${units.join("")}"`;
}
