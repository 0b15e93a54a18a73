/** Owns the question which records the archive still holds: what was pruned is never brought back. */
import { idNumber } from "../record/identity.ts";
import type { Database } from "../system/database.ts";
import type { DataFolder } from "./folder.ts";
import { readSegmentLines } from "./read.ts";

const ID = /^\{"v":1,"id":"([0-9a-f]{32})"/;

/** Answers for a record's id by the segments that are left; where none was pruned, without reading them. */
export function heldRecords(db: Database, folder: DataFolder): (id: number) => boolean {
  if (db.query("SELECT 1 FROM segment WHERE pruned <> 0 LIMIT 1").get() === null) return () => true;
  const held = new Set<number>();
  const segments = db.query("SELECT name, bytes FROM segment WHERE pruned = 0").values() as [string, number][];
  for (const [name, bytes] of segments)
    for (const line of readSegmentLines(`${folder.archive}/${name}`, bytes)) {
      const id = ID.exec(line)?.[1];
      if (id !== undefined) held.add(idNumber(id));
    }
  return (id) => held.has(id);
}
