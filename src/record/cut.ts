/** Owns cutting values to a size inside their structure: what is left is the same JSON with less in it, and says so. */

/** What a mark, and a value that is hardly worth keeping, may take. */
const ROOM = 96;
/** No text is cut to less while another way to make room is left. */
const LEAST = 64;

type Fields = Record<string, unknown>;

/** The bytes that a value takes as JSON. */
function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? "");
}

/**
 * The value in at most `limit` bytes of JSON (a limit below 256 is met by what marks leave room for); itself when it is
 * within them, or when `limit` is 0. First its longest texts are shortened, all to one length, then what surplus items
 * and keys are left is dropped. Texts end with a mark, and are never cut within a character.
 */
export function cut(value: unknown, limit: number): unknown {
  if (limit === 0) return value;
  const size = sizeOf(value);
  if (size <= limit) return value;
  const sizes: number[] = [];
  collect(value, sizes);
  const shortened = shorten(value, Math.max(LEAST, level(sizes, limit - (size - sum(sizes)))));
  return sizeOf(shortened) <= limit ? shortened : drop(shortened, limit).value;
}

const sum = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);

function collect(value: unknown, sizes: number[]): void {
  if (typeof value === "string") sizes.push(sizeOf(value));
  else if (Array.isArray(value)) for (const item of value) collect(item, sizes);
  else if (typeof value === "object" && value !== null) for (const item of Object.values(value)) collect(item, sizes);
}

/** The length to which the longest must be shortened for all to fit into `room`. */
function level(sizes: readonly number[], room: number): number {
  const sorted = sizes.toSorted((a, b) => a - b);
  let left = room;
  for (const [at, size] of sorted.entries()) {
    const each = Math.floor(left / (sorted.length - at));
    if (size > each) return each;
    left -= size;
  }
  return Number.POSITIVE_INFINITY;
}

/** Every text in at most `most` bytes. A file's base64 is not shortened: half of it would be no file. */
function shorten(value: unknown, most: number): unknown {
  if (typeof value === "string") return shortText(value, most);
  if (Array.isArray(value)) return value.map((item) => shorten(item, most));
  if (typeof value !== "object" || value === null) return value;
  const isFile = (value as Fields).type === "blob";
  const fields: Fields = {};
  for (const [key, item] of Object.entries(value)) {
    if (isFile && key === "content" && sizeOf(item) > most) set(fields, key, "");
    else set(fields, key, shorten(item, most));
  }
  if (isFile && fields.content === "") fields.cut = mark(String((value as Fields).content).length, "character");
  return fields;
}

/** What stands where so many characters, items or keys have been left out. */
export const mark = (n: number, of: string): string => `[cut: ${n} ${of}${n === 1 ? "" : "s"}]`;

/**
 * A text of at most `most` bytes of JSON, its mark included; `more` characters of it have been left out already. The mark
 * of an earlier cut is counted on.
 */
export function shortText(text: string, most: number, more: number = 0): string {
  if (more === 0 && text.length + 2 <= most && sizeOf(text) <= most) return text;
  const earlier = /… \[cut: (\d+) characters?\]$/.exec(text);
  const all = earlier?.index ?? text.length;
  const ending = (kept: number): string => `… ${mark(all - kept + more + Number(earlier?.[1] ?? 0), "character")}`;
  // As many characters as surely fit; then as many more as there are bytes left.
  let kept = 0;
  let left = most - sizeOf(ending(0));
  while (left > 0 && kept < all) {
    const end = Math.min(all, kept + Math.max(1, Math.floor(left / 6)));
    const piece = sizeOf(text.slice(kept, end)) - 2;
    if (piece > left) break;
    kept = end;
    left -= piece;
  }
  if (isHighSurrogate(text.charCodeAt(kept - 1))) kept--;
  return text.slice(0, kept) + ending(kept);
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

interface Dropped {
  readonly value: unknown;
  readonly size: number;
}

/** As many items and keys, from the first on, as there is room for; the others are one mark. */
function drop(value: unknown, room: number): Dropped {
  const size = sizeOf(value);
  if (size <= room) return { value, size };
  if (typeof value === "string") return sized(shortText(value, room));
  if (Array.isArray(value)) return dropItems(value, room);
  if (typeof value === "object" && value !== null) return dropKeys(value as Fields, room);
  return { value, size };
}

const sized = (value: unknown): Dropped => ({ value, size: sizeOf(value) });

function dropItems(items: readonly unknown[], room: number): Dropped {
  const kept: unknown[] = [];
  let left = room - 2 - ROOM;
  for (const item of items) {
    if (left < ROOM) break;
    const { value, size } = drop(item, left);
    kept.push(value);
    left -= size + 1;
  }
  if (kept.length < items.length) kept.push(inPlaceOf(items[kept.length], mark(items.length - kept.length, "item")));
  return sized(kept);
}

/** A mark of the shape of what it stands for: a message, a part or a tool, or a text. */
function inPlaceOf(item: unknown, what: string): unknown {
  if (typeof item !== "object" || item === null) return what;
  const { role, parts } = item as Fields;
  if (typeof role === "string" && Array.isArray(parts)) return { role, parts: [{ type: "text", content: what }] };
  return { type: "cut", name: what };
}

function dropKeys(fields: Fields, room: number): Dropped {
  const kept: Fields = {};
  const entries = Object.entries(fields);
  let left = room - 2 - ROOM;
  for (const [at, [key, item]] of entries.entries()) {
    const rest = left - sizeOf(key) - 2;
    const { value, size } = rest > LEAST ? drop(item, rest) : { value: undefined, size: 0 };
    if (value === undefined) {
      set(kept, "[cut]", mark(entries.length - at, "key"));
      break;
    }
    set(kept, key, value);
    left = rest - size;
  }
  return sized(kept);
}

/** Sets a key that may be any text, `__proto__` too. */
export function set(fields: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") Object.defineProperty(fields, key, { value, enumerable: true, writable: true });
  else fields[key] = value;
}
