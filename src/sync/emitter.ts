/** Owns the way of a draft into the batch: its texts kept or not, encoded, judged by its source's ledger, counted. */
import type { Ledger, Manner } from "../archive/ledger.ts";
import { BadLine } from "../read/text.ts";
import type { Line } from "../read/types.ts";
import type { Draft, Emit } from "../record/draft.ts";
import { encode, type Origin } from "../record/encode.ts";
import type { Keeper } from "../record/keep.ts";
import { safeName } from "../record/privacy.ts";
import type { Found } from "./discover.ts";
import { streamName, toldPath } from "./source.ts";
import { tally, tallyUnknown } from "./summary.ts";
import type { Work } from "./sync.ts";

/** Where a source is being read. */
export interface Reading {
  /** The place of a draft that names none. */
  at(): Draft["at"];
  /** The line that is being read, for drafts that name no raw item. */
  line?(): Line | undefined;
}

/** What the drafts of one source have in common. */
interface Emission {
  readonly origin: Origin;
  /** What summaries call the source's stream. */
  readonly name: string;
  readonly work: Work;
  readonly ledger: Ledger;
  readonly manner: Manner;
  readonly reading: Reading;
  readonly rawOf: ((draft: Draft) => string | undefined) | undefined;
}

/** What a reducer of this source gives its drafts to. */
export function emitter(found: Found, work: Work, ledger: Ledger, manner: Manner, reading: Reading): Emit {
  const { archive, summary, homes, keeper } = work;
  const origin: Origin = {
    agent: found.agent.id,
    stream: found.stream.kind,
    path: toldPath(found, work),
    host: archive.host,
    homes,
  };
  const name = streamName(found);
  const unknown = (what: string): void => tallyUnknown(summary.unknown, name, safeName(what));
  const rawOf = keeper?.isRaw ? rawItems(keeper, reading, unknown) : undefined;
  const emission: Emission = { origin, name, work, ledger, manner, reading, rawOf };
  return Object.assign((draft: Draft): void => tell(emission, draft), {
    captures: keeper !== undefined,
    keep: <T>(value: T): T | undefined => keeper?.keep(value),
    unknown,
    lost: (what: string) => tally(summary.lost, `${name}: ${what}`),
  });
}

function tell({ origin, name, work, ledger, manner, reading, rawOf }: Emission, draft: Draft): void {
  const { archive, summary, keeper } = work;
  const captured = keeper?.captured(draft, rawOf?.(draft));
  const record = encode(draft, origin, draft.at ?? reading.at(), captured);
  const rev = ledger.judge(record, manner, draft.partial);
  if (rev === undefined) {
    summary.records.known++;
    return;
  }
  archive.add(record, rev);
  summary.records[rev === 0 ? "added" : "revised"]++;
  tally(summary.byStream, name);
}

/** Gives a draft's raw item as it stands in a line; that of a line is made once for all that it tells. */
function rawItems(
  keeper: Keeper,
  reading: Reading,
  unknown: (what: string) => void,
): (draft: Draft) => string | undefined {
  let last: { readonly line: Line; readonly json: string | undefined } | undefined;
  const lineJson = (line: Line): string | undefined => {
    try {
      return keeper.rawJson(line.text());
    } catch (error) {
      if (!(error instanceof BadLine)) throw error;
      unknown("raw line that is not UTF-8");
      return undefined;
    }
  };
  return ({ raw }) => {
    if (raw === null) return undefined;
    if (raw !== undefined) return keeper.rawJson(raw);
    const line = reading.line?.();
    if (line === undefined) return undefined;
    if (last?.line !== line) last = { line, json: lineJson(line) };
    return last.json;
  };
}
