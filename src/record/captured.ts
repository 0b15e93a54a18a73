/** Owns what is known of a record's captured texts beside the texts themselves. */
import { textHash } from "./identity.ts";

/** A record's texts as they stand in its line, and what tells them from others. */
export interface Captured {
  /** `,"content":{...},"raw":"..."`, or a part of that. */
  readonly text: string;
  /** Hash of the content's JSON, and its size before it was cut; 0 where there is none. */
  readonly hash: number;
  readonly size: number;
  readonly hasRaw: boolean;
}

/** What the ledger keeps of a record's content, which is its JSON. */
export function textsOf(content: string | undefined): Pick<Captured, "hash" | "size"> {
  return content === undefined ? { hash: 0, size: 0 } : { hash: textHash(content), size: content.length };
}
