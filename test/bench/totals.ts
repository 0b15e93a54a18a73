/** Owns the check of every run: what weir and ccusage say about a corpus, held against the truth that was written with it. */
import type { Part } from "./gen-corpus.ts";

export type Agent = "claude" | "codex" | "copilot";

interface Totals {
  calls: number;
  input: number;
  output: number;
  cacheRead: number;
  cacheCreation: number;
  reasoning: number;
}

interface ExportedRecord {
  readonly operation: string;
  readonly model?: string;
  readonly request_model?: string;
  readonly usage?: Readonly<Record<string, number | undefined>>;
}

const none = (): Totals => ({ calls: 0, input: 0, output: 0, cacheRead: 0, cacheCreation: 0, reasoning: 0 });

/** The truth in weir's terms: input is the total with caches, which only Claude Code's own input is not. */
function expected(agent: Agent, part: Part): Map<string, Totals> {
  return new Map(
    Object.entries(part.by_model).map(([model, t]) => [
      model,
      {
        calls: t.calls,
        input: agent === "claude" ? t.input + t.cache_creation + t.cache_read : t.input,
        output: t.output,
        cacheRead: t.cache_read,
        cacheCreation: t.cache_creation,
        reasoning: t.reasoning,
      },
    ]),
  );
}

function add(totals: Map<string, Totals>, line: string): void {
  const { operation, model, request_model, usage = {} } = JSON.parse(line) as ExportedRecord;
  if (operation !== "chat" || !Object.values(usage).some((n) => (n ?? 0) > 0)) return;
  const key = model ?? request_model ?? "?";
  const sum = totals.get(key) ?? none();
  sum.calls++;
  sum.input += usage.input_tokens ?? 0;
  sum.output += usage.output_tokens ?? 0;
  sum.cacheRead += usage.cache_read_input_tokens ?? 0;
  sum.cacheCreation += usage.cache_creation_input_tokens ?? 0;
  sum.reasoning += usage.reasoning_output_tokens ?? 0;
  totals.set(key, sum);
}

/** What weir exports of an archive, summed by model over the calls that used any token. */
async function exported(
  weir: string,
  data: string,
  env: Readonly<Record<string, string>>,
): Promise<Map<string, Totals>> {
  const child = Bun.spawn({
    cmd: [weir, "export", "--data-dir", data, "--operation", "chat"],
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const totals = new Map<string, Totals>();
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of child.stdout) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) add(totals, line);
  }
  const status = await child.exited;
  if (status !== 0 || rest !== "") throw new Error(`weir export exited ${status} and left ${rest.length} characters`);
  return totals;
}

/** Throws, with each figure that is not exact, unless weir's archive has just the calls and tokens of the truth. */
export async function checkWeir(
  weir: string,
  data: string,
  env: Readonly<Record<string, string>>,
  agent: Agent,
  part: Part,
): Promise<void> {
  const want = expected(agent, part);
  const have = await exported(weir, data, env);
  const wrong = [...new Set([...want.keys(), ...have.keys()])].flatMap((model) => {
    const [wanted, had] = [want.get(model) ?? none(), have.get(model) ?? none()];
    return (Object.keys(wanted) as (keyof Totals)[])
      .filter((key) => wanted[key] !== had[key])
      .map((key) => `weir: ${model} ${key}: expected ${wanted[key]}, got ${had[key]}`);
  });
  if (wrong.length > 0) throw new WrongTotal(wrong);
}

/** The same for ccusage's own sums, so that both sides are known to have done the same work. */
export function checkCcusage(printed: string, agent: Agent, part: Part): void {
  const { totals } = JSON.parse(printed) as { totals: Record<string, number> };
  const models = Object.values(part.by_model);
  const sum = (of: (m: (typeof models)[number]) => number): number => models.reduce((n, m) => n + of(m), 0);
  const wanted: Record<string, number> = {
    inputTokens: sum((m) => (agent === "codex" ? m.input - m.cache_read : m.input)),
    outputTokens: sum((m) => m.output),
    cacheReadTokens: sum((m) => m.cache_read),
    cacheCreationTokens: sum((m) => m.cache_creation),
  };
  const wrong = Object.entries(wanted)
    .filter(([key, want]) => totals[key] !== want)
    .map(([key, want]) => `ccusage: ${key}: expected ${want}, got ${totals[key]}`);
  if (wrong.length > 0) throw new WrongTotal(wrong);
}

/** A run that did other work than it should have: its time says nothing, and the bench fails. */
export class WrongTotal extends Error {
  constructor(readonly wrong: readonly string[]) {
    super(`wrong totals:\n${wrong.join("\n")}`);
  }
}
