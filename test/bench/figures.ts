/** Owns the figures that the bench measures: what each is, what we aim at, and how they are written as tables. */
import { markdownTable } from "../../docs/markdown.ts";
import type { Comparison, Spread } from "./measure.ts";

interface Aim {
  readonly row: number;
  readonly title: string;
  readonly goal: number;
  readonly stretch: number;
  /** Of most figures less is better. */
  readonly isMore?: boolean;
}

/** The table of goals; CPU is user and system time of the whole process. */
export const AIMS = {
  cold: { row: 1, title: "cold sync CPU ÷ ccusage CPU", goal: 0.55, stretch: 0.4 },
  files: { row: 2, title: "cold sync CPU ÷ ccusage CPU", goal: 0.65, stretch: 0.5 },
  nothingNew: { row: 3, title: "sync with nothing new, CPU ÷ ccusage CPU", goal: 0.06, stretch: 0.045 },
  append: { row: 4, title: "sync after a 1 % append, CPU ÷ ccusage CPU", goal: 0.02, stretch: 0.015 },
  peak: { row: 5, title: "most memory of any sync, MiB", goal: 110, stretch: 80 },
  growth: { row: 6, title: "memory of the largest ÷ of the smallest", goal: 1.4, stretch: 1.15 },
  codex: { row: 7, title: "cold sync CPU ÷ `ccusage codex daily` CPU", goal: 1, stretch: 0.7 },
  spans: { row: 8, title: "cold sync CPU ÷ ordered `sqlite3` dump CPU", goal: 1.7, stretch: 1.3 },
  start: { row: 9, title: "`weir --version` CPU ÷ compiled hello world", goal: 1.25, stretch: 1.05 },
  bytes: { row: 10, title: "archive bytes ÷ input bytes, metadata", goal: 0.2, stretch: 0.15 },
  export: {
    row: 11,
    title: "export: spans per CPU-second to a sink on loopback",
    goal: 80_000,
    stretch: 120_000,
    isMore: true,
  },
} as const satisfies Readonly<Record<string, Aim>>;

export type Figure = keyof typeof AIMS;

export interface Result {
  readonly figure: Figure;
  /** Of which corpus, or of what. */
  readonly of: string;
  readonly value: number;
  /** How it was found, where it is no comparison of two programs. */
  readonly note?: string;
}

/** Two programs side by side. */
export interface Pairing {
  readonly title: string;
  readonly result: Comparison;
}

function verdict(value: number, { goal, stretch, isMore }: Aim): string {
  const meets = (aim: number): boolean => (isMore ? value >= aim : value <= aim);
  return meets(stretch) ? "stretch met" : meets(goal) ? "met" : "MISSED";
}

const written = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString("en-US") : value >= 20 ? value.toFixed(0) : value.toFixed(3);

/** The table of goals, in its order. */
export function goalsTable(results: readonly Result[]): string {
  const sorted = results.toSorted((a, b) => AIMS[a.figure].row - AIMS[b.figure].row);
  return markdownTable(
    ["#", "figure", "of", "measured", "goal", "stretch", "", "how"],
    sorted.map(({ figure, of, value, note }) => {
      const aim: Aim = AIMS[figure];
      const aims = [written(aim.goal), written(aim.stretch)].map((text) => text.replace(/(\.\d*?)0+$/, "$1"));
      return [
        String(aim.row),
        aim.title,
        of,
        written(value),
        ...aims.map((text) => text.replace(/\.$/, "")),
        verdict(value, aim),
        note ?? "",
      ];
    }),
  );
}

const ms = ({ median, min, max }: Spread): string => `${median.toFixed(0)} (${min.toFixed(0)}-${max.toFixed(0)})`;

/** What was measured in pairs. */
export function pairsTable(pairings: readonly Pairing[]): string {
  const head = ["what", "pairs", "CPU ratio", "wall ratio", "peak ratio", "CPU ms", "its CPU ms", "wall ms"];
  return markdownTable(
    [...head, "its wall ms", "MiB", "its MiB"],
    pairings.map(({ title, result: r }) => [
      title,
      String(r.pairs),
      r.cpuRatio.toFixed(3),
      r.wallRatio.toFixed(3),
      r.peakRatio.toFixed(2),
      ms(r.ours.cpuMs),
      ms(r.theirs.cpuMs),
      ms(r.ours.wallMs),
      ms(r.theirs.wallMs),
      r.ours.peakMiB.median.toFixed(0),
      r.theirs.peakMiB.median.toFixed(0),
    ]),
  );
}
