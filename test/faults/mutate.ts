/** Owns damage: what crashed writers, other versions, editors and bad disks do to lines, documents and databases. */
import { Database } from "bun:sqlite";
import type { Random } from "../support/random.ts";

/** Values that no reducer expects where they then stand. */
const HOSTILE: readonly string[] = [
  "null",
  "true",
  "-1",
  "0",
  "1e400",
  "-0.5",
  "9007199254740993",
  "1716900000123456789",
  '""',
  '"x"',
  '"\\ud800"',
  '"\\u0000\\u001b[2J"',
  '"2026-13-45T99:99:99Z"',
  '"1970-01-01T00:00:00Z"',
  '"9999-12-31T23:59:59.999999999Z"',
  "[]",
  "{}",
  "[[[[{}]]]]",
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '{"length":1e9}',
  "[null,null]",
  `${"[".repeat(2000)}${"]".repeat(2000)}`,
  `"${"y".repeat(70_000)}"`,
];

/** A JSON text in which some value is another one; raw damage where the text is no JSON. */
function otherValue(text: string, r: Random): string {
  // A value begins after a colon, a comma or a bracket; whether what comes out is JSON does not matter.
  const begins = [...text.matchAll(/[:,[]\s*(?=["\d\-tfn{[])/g)].map((found) => found.index + found[0].length);
  if (begins.length === 0) return damaged(Buffer.from(text), r).toString("latin1");
  const begin = r.pick(begins);
  const value = /^(?:"(?:[^"\\]|\\.)*"|-?[\d.eE+-]+|true|false|null)/.exec(text.slice(begin))?.[0];
  if (value === undefined) return text.slice(0, begin) + r.pick(HOSTILE) + text.slice(matching(text, begin));
  return text.slice(0, begin) + r.pick(HOSTILE) + text.slice(begin + value.length);
}

/** Where the object or list that begins here ends. */
function matching(text: string, begin: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = begin; at < text.length; at++) {
    const c = text[at];
    if (quoted && c === "\\") at++;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && (c === "{" || c === "[")) depth++;
    else if (!quoted && (c === "}" || c === "]") && --depth === 0) return at + 1;
  }
  return text.length;
}

/** Bytes with some of them changed, missing, doubled or put in. */
export function damaged(bytes: Buffer, r: Random): Buffer {
  const at = r.int(0, Math.max(0, bytes.length - 1));
  const end = Math.min(bytes.length, at + r.pick([1, 1, 4, 64, 512]));
  const some = bytes.subarray(at, end);
  switch (r.int(0, 5)) {
    case 0: {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[at] = r.int(0, 255);
      return copy;
    }
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, end), some, bytes.subarray(end)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(r.int(1, 600)), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([0xc3, 0x28, 0xed, 0xa0, 0x80]), bytes.subarray(at)]);
    default:
      return Buffer.from(bytes.subarray(0, at));
  }
}

/** One line, without its newline, as it should not be. */
export function mutatedLine(line: Buffer, r: Random): Buffer {
  let mutated = line;
  for (let times = r.int(1, 3); times > 0; times--)
    mutated = r.chance(0.6) ? Buffer.from(otherValue(mutated.toString("utf8"), r)) : damaged(mutated, r);
  return Buffer.from(mutated.map((byte) => (byte === 10 ? 11 : byte)));
}

export function mutatedDocument(bytes: Buffer, r: Random): Buffer {
  let mutated = bytes;
  for (let times = r.int(1, 4); times > 0; times--)
    mutated = r.chance(0.8) ? Buffer.from(otherValue(mutated.toString("utf8"), r)) : damaged(mutated, r);
  return mutated;
}

/** A database file with damaged pages, or one that was cut short. */
export function mutatedPages(bytes: Buffer, r: Random): Buffer {
  const copy = Buffer.from(bytes);
  for (let times = r.int(1, 20); times > 0; times--) {
    const at = r.chance(0.3) ? r.int(0, Math.min(200, copy.length - 1)) : r.int(0, copy.length - 1);
    if (r.chance(0.15)) copy.fill(r.pick([0, 255]), at, Math.min(copy.length, at + 512));
    else copy[at] = r.int(0, 255);
  }
  return r.chance(0.1) ? copy.subarray(0, r.int(0, copy.length)) : copy;
}

const CELLS = [
  null,
  -1,
  0.5,
  1e300,
  9007199254740993n,
  "",
  "x",
  "{",
  '{"a":[]}',
  "\u0000",
  new Uint8Array([0xff, 0xfe]),
];

/** Puts values where no program of its agent would: any type into any column of any row. */
export function mutateCells(path: string, r: Random): void {
  using db = new Database(path, { readwrite: true, create: false });
  const tables = db
    .query("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")
    .values()
    .flat()
    .map(String);
  for (let times = r.int(1, 6); times > 0 && tables.length > 0; times--) {
    const table = r.pick(tables);
    try {
      const columns = db.query("SELECT name FROM pragma_table_info(?)").values(table).flat().map(String);
      const rows = `SELECT rowid FROM "${table}" ORDER BY rowid LIMIT 1 OFFSET ${r.int(0, 20)}`;
      const statement = db.query(`UPDATE "${table}" SET "${r.pick(columns)}" = ? WHERE rowid IN (${rows})`);
      statement.run(r.pick(CELLS));
    } catch {
      // a constraint keeps it out, as it would keep out its program
    }
  }
}
