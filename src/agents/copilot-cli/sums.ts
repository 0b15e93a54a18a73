/** The tokens of a session by model, as its ends tell them: running on over resumes, or from the last one. */
import type { Draft, Emit } from "../../record/draft.ts";
import { type JsonObject, number, object, under } from "../../record/json.ts";
import type { Usage } from "../../record/schema.ts";
import { totalUsage } from "../../record/usage.ts";
import { costOf } from "./facts.ts";
import { sumDraft } from "./store.ts";

const FIELDS = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "reasoningTokens"] as const;
const NANO = "totalNanoAiu";

type Counts = Record<string, number>;

export interface Sums {
  /** By model: what was last told, and what all ends together tell. */
  last: Record<string, Counts>;
  total: Record<string, Counts>;
  /** Calls that messages have told: of this run, and of it and all runs that had an end. */
  calls: { run: number; all: number };
  /** By model: output that messages have told of this run. */
  running: Record<string, number>;
  /** There is more than the latest end has told. */
  untold: boolean;
}

export function noSums(): Sums {
  return { last: {}, total: {}, calls: { run: 0, all: 0 }, running: {}, untold: false };
}

/** Notes a call that a message has told; older versions tell its output there. */
export function noteCall(sums: Sums, model: string | undefined, output: number | undefined): void {
  sums.calls.run++;
  sums.calls.all++;
  if (output === undefined) return;
  sums.running[model ?? ""] = (under(sums.running, model ?? "") ?? 0) + output;
  sums.untold = true;
}

/**
 * Adds what an end tells beyond the one before. Some versions begin anew with every run, some go on from the run before:
 * the number of their requests is nearer to that of the run's calls, or to that of all. Numbers that fell begin anew.
 */
export function addSums(sums: Sums, metrics: JsonObject): void {
  const models = Object.entries(metrics).map(([model, value]) => ({ model, told: object(value) ?? {} }));
  const requests = models.reduce((sum, { told }) => sum + (number(object(told.requests)?.count) ?? 0), 0);
  const { run, all } = sums.calls;
  if (requests > 0 && Math.abs(requests - run) < Math.abs(requests - all)) sums.last = {};
  for (const { model, told } of models) addModel(sums, model, told);
  sums.calls.run = 0;
  sums.running = {};
  sums.untold = false;
}

/** A run that goes on where another one had no end: no later end tells of that one, of which the output is known. */
export function leaveRun(sums: Sums): void {
  sums.calls.all -= sums.calls.run;
  sums.calls.run = 0;
  for (const [model, output] of Object.entries(sums.running)) addTo(sums, model, { outputTokens: output });
  sums.running = {};
}

function addModel(sums: Sums, model: string, told: JsonObject): void {
  const usage = object(told.usage) ?? {};
  const now: Counts = {};
  for (const field of FIELDS) if (number(usage[field]) !== undefined) now[field] = number(usage[field]) ?? 0;
  if (number(told[NANO]) !== undefined) now[NANO] = number(told[NANO]) ?? 0;
  const before = under(sums.last, model) ?? {};
  const isOn = Object.entries(before).every(([field, count]) => (now[field] ?? 0) >= count);
  const more = Object.entries(now).map(([field, count]) => [field, count - (isOn ? (before[field] ?? 0) : 0)]);
  addTo(sums, model, Object.fromEntries(more));
  sums.last[model] = now;
}

/** Adds a call that no end tells of. */
export function addUsed(sums: Sums, model: string | undefined, usage: Usage): void {
  addTo(sums, model ?? "", {
    inputTokens: usage.input_tokens,
    outputTokens: usage.output_tokens,
    cacheReadTokens: usage.cache_read_input_tokens,
    cacheWriteTokens: usage.cache_creation_input_tokens,
    reasoningTokens: usage.reasoning_output_tokens,
  });
  sums.untold = true;
}

function addTo(sums: Sums, model: string, counts: Readonly<Record<string, number | undefined>>): void {
  const total = under(sums.total, model) ?? {};
  for (const [field, count] of Object.entries(counts))
    if (count !== undefined) total[field] = (total[field] ?? 0) + count;
  sums.total[model] = total;
}

/** Tells the sums of all runs; of those without an end the output that their messages tell. */
export function tellSums(sums: Sums, session: string, more: Partial<Draft>, emit: Emit): void {
  for (const model of new Set([...Object.keys(sums.total), ...Object.keys(sums.running)])) {
    const counts = under(sums.total, model) ?? {};
    const running = under(sums.running, model) ?? 0;
    const output = running === 0 ? counts.outputTokens : (counts.outputTokens ?? 0) + running;
    const usage = totalUsage({
      input: counts.inputTokens,
      output,
      cacheRead: counts.cacheReadTokens,
      cacheCreation: counts.cacheWriteTokens,
      reasoning: counts.reasoningTokens,
    });
    const cost_usd = costOf(counts[NANO], more.end_time);
    emit({ ...sumDraft(session, model || undefined), ...more, open: running > 0 || undefined, usage, cost_usd });
  }
}
