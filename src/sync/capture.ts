/** Owns what a run is told of capture: which texts are kept, and which known records are told again with theirs. */
import type { Archive } from "../archive/archive.ts";
import { type Capturing, LEVELS } from "../archive/ledger.ts";
import type { Keeper } from "../record/keep.ts";
import { type Summary, tally } from "./summary.ts";

export interface Capture {
  readonly level: "content" | "raw";
  /** The most bytes of JSON of one value; 0: any. */
  readonly limit: number;
  /** Everything that is still there is read again, and what is known is told again with its texts. */
  readonly again?: boolean;
}

/** Loads what texts go through; at capture level metadata nothing of it is. */
export async function keeping(
  { level, limit, again = false }: Capture,
  archive: Archive,
  summary: Summary,
): Promise<{ readonly keeper: Keeper; readonly capturing: Capturing }> {
  const { Keeper: Kept } = await import("../record/keep.ts");
  const keeper = new Kept({ isRaw: level === "raw", limit, found: (rule) => tally(summary.redacted, rule) });
  const isWantedAgain = again ? archive.held() : (): boolean => false;
  return { keeper, capturing: { level: LEVELS[level], isWantedAgain } };
}
