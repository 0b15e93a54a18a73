/** Owns making a lost state anew from the archive: segments, and what each source is known to have told. */

import { ledgerFactsOf } from "../record/encode.ts";
import { recordIn } from "../record/line.ts";
import type { Database } from "../system/database.ts";
import { sys } from "../system/system.ts";
import type { DataFolder } from "./folder.ts";
import { Ledger } from "./ledger.ts";
import { readSegmentLines } from "./read.ts";
import { completeLength, listSegments, parseSegmentName } from "./segment.ts";
import { FIRST_TEXTS, setMeta } from "./state.ts";
import { adoptCount, witnessed } from "./witness.ts";

/**
 * Fills an empty state from the segments that are there, in one transaction, and returns the installation's id: that of
 * the segments, or a new one where none of them is known to be ours: where nothing was ever committed in this folder, or
 * where those of several installations lie together.
 * Cursors start at zero: the sources are read again, and the ledgers kept here for them suppress what is archived.
 */
export function rebuildState(db: Database, folder: DataFolder): string {
  const names = listSegments(folder.archive);
  const installs = new Set(names.map((name) => parseSegmentName(name)?.install));
  const commits = witnessed(folder);
  const [install] = installs.size === 1 && commits > 0 ? installs : [];
  const newest = names.at(-1);
  const ledgers = new Map<string, Ledger>();
  return db.transaction(() => {
    let host: string | undefined;
    let seq = 0;
    let hasTexts = false;
    for (const name of names) {
      const path = `${folder.archive}/${name}`;
      const bytes = completeLength(path);
      let records = 0;
      for (const line of readSegmentLines(path, bytes)) {
        records++;
        const record = recordIn(line);
        if (record?.v !== 1) continue; // it tells the ledger nothing; `verify` names a line that is no record
        if (install !== undefined && record.host.startsWith(install)) host = record.host;
        const key = JSON.stringify([record.agent, record.stream, record.source.path]);
        const ledger = ledgers.get(key) ?? new Ledger();
        ledgers.set(key, ledger);
        const facts = ledgerFactsOf(record);
        if (facts.captured) hasTexts = true;
        ledger.note(facts);
      }
      if (install === undefined) continue;
      db.query("INSERT INTO segment (seq, name, bytes, records, sealed, written) VALUES (?, ?, ?, ?, ?, ?)").run(
        ++seq,
        name,
        bytes,
        records,
        name === newest ? 0 : 1,
        sys.lstat(path).mtime,
      );
    }
    const insert = db.query("INSERT INTO orphan (agent, stream, relative, entries) VALUES (?, ?, ?, ?)");
    for (const [key, ledger] of ledgers) {
      const [agent, stream, relative] = JSON.parse(key) as [string, string, string];
      insert.run(agent, stream, relative, ledger.packed());
    }
    host ??= (install ?? "") + Buffer.from(sys.random(install === undefined ? 8 : 4)).toString("hex");
    setMeta(db, "install", host);
    if (hasTexts) setMeta(db, FIRST_TEXTS, new Date(sys.now()).toISOString());
    adoptCount(db, commits);
    return host;
  })();
}
