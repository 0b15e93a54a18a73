/** Owns the way of a draft into the batch: encoded, judged by its source's ledger, counted. */
import type { Ledger, Manner } from "../archive/ledger.ts";
import type { Draft, Emit } from "../record/draft.ts";
import { encode, type Origin } from "../record/encode.ts";
import { keepLight } from "../system/engine.ts";
import type { Found } from "./discover.ts";
import { tally, tallyUnknown } from "./summary.ts";
import type { Work } from "./sync.ts";

/** What a reducer of this source gives its drafts to; `at` says where a draft without a place of its own was read. */
export function emitter(found: Found, work: Work, ledger: Ledger, manner: Manner, at: () => Draft["at"]): Emit {
  const { archive, summary, environment } = work;
  const origin: Origin = {
    agent: found.agent.id,
    stream: found.stream.kind,
    path: found.relative,
    host: archive.host,
    homes: environment.homes.map((home) => home.path),
  };
  const name = `${found.agent.id}/${found.stream.kind}`;
  const emit = (draft: Draft): void => {
    const record = encode(draft, origin, draft.at ?? at());
    const rev = ledger.judge(record, manner);
    if (rev === undefined) {
      summary.records.known++;
      return;
    }
    archive.add(record, rev);
    summary.records[rev === 0 ? "added" : "revised"]++;
    tally(summary.byStream, name);
  };
  keepLight([emit]);
  return Object.assign(emit, {
    unknown: (what: string) => tallyUnknown(summary.unknown, name, what),
    lost: (what: string) => tally(summary.lost, `${name}: ${what}`),
  });
}
