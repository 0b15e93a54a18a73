/** Owns the draft: what a reducer says of a fact, before weir gives it an id, a revision and a place. */
import type { WeirRecord } from "./schema.ts";

type Given = "v" | "id" | "fact" | "rev" | "agent" | "stream" | "source" | "host" | "raw";

export interface Draft extends Omit<WeirRecord, Given> {
  /** The native key: unique within (agent, stream, session, operation), the same whenever this is read again. */
  readonly key: string;
  /**
   * What stands for the session in the record's id. Only where the session may become known after the record was told
   * (a span's parent ends after it): then something that never changes, its trace.
   */
  readonly scope?: string;
  /** What it tells of, the same in every stream and copy. Absent: nobody else can tell of it. */
  readonly fact?: string;
  /**
   * The item that told it, for capture level raw: a value or JSON text. Absent: the line that is being read. Null: none,
   * it was read before.
   */
  readonly raw?: unknown;
  /** What would tell more of it is not there: it is deleted, or has yet to come. With the same tokens, less is then no news. */
  readonly partial?: true;
  /** Where in the source it was read. */
  readonly at?: { readonly offset?: number; readonly index?: number; readonly row?: number | string };
}

/** What reducers give their drafts to. */
export interface Emit {
  (draft: Draft): void;
  /** Texts are wanted: what is read comes whole. */
  readonly captures: boolean;
  /**
   * The value as it may be kept: without secrets, cut inside its structure. Undefined unless texts are captured. What a
   * draft's `content` holds, and every text in a state, has gone through this.
   */
  keep<T>(value: T): T | undefined;
  /** Counts a record type, attribute or schema that the reducer does not know; shown, never an error. */
  unknown(what: string): void;
  /** Counts something that the producer itself lost, for instance an empty span. */
  lost(what: string): void;
}
