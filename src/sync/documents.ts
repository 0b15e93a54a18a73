/** Owns one sync of one document: read it when it holds still, reduce it whole, let the ledger drop what is known. */
import { type DocumentRead, readDocument } from "../read/document.ts";
import type { Documents, Snapshot } from "../read/types.ts";
import { sleep } from "../system/process.ts";
import { emitter } from "./emitter.ts";
import type { Match } from "./match.ts";
import { infoOf, newRow, quarantine, reasonOf, rowOf } from "./source.ts";
import type { Work } from "./sync.ts";

/** A document that is just being written is looked at again after these waits, in milliseconds; then in the next run. */
const WAITS = [20, 60, 120];

/** Reads a changed document into the batch. Throws the system's errors. */
export async function collectDocument(
  match: Match,
  stream: Snapshot,
  { form, reads }: Documents,
  work: Work,
): Promise<void> {
  const { found, known } = match;
  const asked = work.keeper ? undefined : reads;
  let read: DocumentRead = readDocument(found.path, form, asked);
  for (const wait of WAITS) {
    if (!read.unsettled) break;
    await sleep(wait);
    read = readDocument(found.path, form, asked);
  }
  const row = known ?? newRow(found, work);
  work.summary.bytes.read += read.stamp.size;
  for (const bad of read.bad) quarantine(found, row, bad, work);
  const info = infoOf(found, work);
  if (read.group) {
    const manner = { soft: true, monotone: false, capture: work.capturing };
    const emit = emitter(found, work, work.archive.sources.ledgerOf(row.id), manner, { at: () => undefined });
    try {
      stream.reduce(read.group, info.source, emit);
    } catch (error) {
      const reason = `not understood: ${reasonOf(error)}`;
      quarantine(found, row, { offset: 0, length: read.stamp.size, hash: "", reason }, work);
    }
  }
  const { stamp } = read;
  const { size } = stamp;
  const { id, generation } = row;
  work.archive.sources.set(
    rowOf({ ...found, stamp }, { id, size, position: size, generation, sidecars: info.sidecars }),
  );
}
