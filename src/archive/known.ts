/** Owns the reader's question what the archive knows of its sources; it needs no lock and makes no state. */
import { ifPresent, sys } from "../system/system.ts";
import { dataFolder } from "./folder.ts";
import { SOURCE_COLUMNS, type SourceRow } from "./sources.ts";
import { openStateForReading } from "./state.ts";

/** A source, and what its cursor remembers: of a database where its rows ended, of lines their hashes. */
export interface KnownSource extends SourceRow {
  readonly proof: string | null;
}

/** All sources of an archive; none when there is no archive yet. */
export function knownSources(path: string): KnownSource[] {
  const { state } = dataFolder(path);
  if (!ifPresent(() => sys.stat(state))?.size) return [];
  using db = openStateForReading(state);
  const question = `SELECT ${SOURCE_COLUMNS}, (SELECT proof FROM cursor WHERE cursor.source = source.id) AS proof FROM source`;
  return (db?.query(question).all() ?? []) as KnownSource[];
}
