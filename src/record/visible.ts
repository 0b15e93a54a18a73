/** Owns making JSON safe to look at on a terminal: what cannot be seen in it is escaped, and it stays the same JSON. */

/** Invisible characters that JSON leaves as they are: controls, marks of direction, spaces without width, line breaks. */
const INVISIBLE: readonly (readonly [first: number, last: number])[] = [
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
];
/** 1 for each of them; made for the first text that needs it. */
let marks: Uint8Array | undefined;

function marked(): Uint8Array {
  const table = new Uint8Array(0x10000);
  for (const [first, last] of INVISIBLE) table.fill(1, first, last + 1);
  return table;
}

/** The same JSON, safe to look at on a terminal: what cannot be seen is escaped. */
export function visibleJson(json: string): string {
  // Most lines are ASCII, which is told by their bytes; in others a table is faster than a pattern.
  if (Buffer.byteLength(json) === json.length && !json.includes("\u007f")) return json;
  marks ??= marked();
  for (let at = 0; at < json.length; at++)
    if (marks[json.charCodeAt(at)] === 1) return json.replace(/[\u007f-\uffff]/g, escaped);
  return json;
}

function escaped(char: string): string {
  const unit = char.charCodeAt(0);
  return marks?.[unit] === 1 ? `\\u${unit.toString(16).padStart(4, "0")}` : char;
}
