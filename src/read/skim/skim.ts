/** Owns reading of a line no more than a shape asks for: the bytes that lines are read into, and the skimmer's own memory. */
import type { JsonObject } from "../../record/json.ts";
import { moduleOf } from "../../system/engine.ts";
import { decode, latin1 } from "../text.ts";
import type { Excerpt, Reads, Shape } from "../types.ts";
import { MODULE } from "./module.ts";

/** As in `assembly/skim.ts`: where it says of the latest frame where it is, how long, and whether it is that of the line before. */
const FRAME = 16;
const FIRST_NODE = 32 + 2 * 4096;
/** Room for frames and a shape's nodes; the output begins where they end. */
const TABLE = 1 << 15;
const PAGE = 1 << 16;
/** The skimmer reads sixteen bytes at a time, also at the end. */
const SLACK = 16;

type Skim = (from: number, to: number, into: number, node: number) => number;

/** Undefined until the first one is wanted, null where there can be none. */
let compiled: WebAssembly.Module | null | undefined;

/** Skims lines that stand in its own bytes. */
export class Skimmer {
  /** What lines are read into. */
  readonly bytes: Buffer;
  /** The keys of the latest line that its shape sets apart: one object as long as lines repeat them. */
  frame: JsonObject = {};
  readonly #memory: Buffer;
  readonly #words: Uint32Array;
  readonly #input: number;
  readonly #root: number;
  readonly #skim: Skim;

  /** A skimmer with room for so many bytes; undefined on a processor that cannot run it: then lines are parsed whole. */
  static of(reads: Reads, capacity: number): Skimmer | undefined {
    if (compiled === undefined) compiled = moduleOf(MODULE) ?? null;
    return compiled ? new Skimmer(compiled, reads, capacity) : undefined;
  }

  private constructor(module: WebAssembly.Module, { keys, repeated }: Reads, capacity: number) {
    this.#input = TABLE + capacity + SLACK;
    const pages = Math.ceil((this.#input + capacity + SLACK) / PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.#memory = Buffer.from(memory.buffer);
    this.#words = new Uint32Array(memory.buffer, FRAME, 3);
    this.bytes = this.#memory.subarray(this.#input, this.#input + capacity);
    this.#root = new Nodes(memory.buffer).put(keys, repeated);
    this.#skim = new WebAssembly.Instance(module, { env: { memory } }).exports.skim as Skim;
  }

  /**
   * What the shape asks for of the object or list in `bytes[start, end)`, but for what it sets apart. Undefined when the
   * text cannot be followed or what is asked for is no JSON: then all of it decides. Throws `BadLine` when it is no valid
   * UTF-8.
   */
  skim(start: number, end: number): JsonObject | readonly unknown[] | undefined {
    const length = this.#skim(this.#input + start, this.#input + end, TABLE, this.#root);
    if (length === 0) return undefined;
    try {
      if (this.#words[2] === 0) this.frame = this.readFrame();
      const text =
        length > 0 ? latin1(this.#memory, TABLE, TABLE + length) : decode(this.#memory, TABLE, TABLE - length);
      return JSON.parse(text) as JsonObject | readonly unknown[];
    } catch (error) {
      this.#words[0] = 0; // no line repeats a frame that was not read
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  private readFrame(): JsonObject {
    const start = this.#words[0] as number;
    return JSON.parse(decode(this.#memory, start, start + (this.#words[1] as number))) as JsonObject;
  }
}

/** Writes shapes as the nodes that `assembly/skim.ts` describes. */
class Nodes {
  static readonly #header = 24;
  static readonly #entry = 16;
  static readonly #whole = 1;
  readonly #view: DataView;
  readonly #put = new Map<Shape, number>();
  #top = FIRST_NODE;

  constructor(memory: ArrayBuffer) {
    this.#view = new DataView(memory, 0, TABLE);
  }

  /** The address of a shape's node; one for a shape that stands in several places, or in itself. */
  put(shape: Shape, apart: readonly string[] = []): number {
    if (shape === true) return Nodes.#whole;
    const put = this.#put.get(shape);
    if (put !== undefined) return put;
    const { "": said = 0, "*": any, ...known } = isExcerpt(shape) ? { "": shape } : shape;
    const keys = Object.entries(known);
    const entries = keys.length + 1;
    const node = this.#take(Nodes.#header + entries * Nodes.#entry);
    this.#put.set(shape, node);
    const first = node + Nodes.#header;
    const lengths = keys.reduce((mask, [key]) => mask | (1n << BigInt(key.length & 63)), 0n);
    this.#words(node, excerptOf(said));
    this.#view.setBigUint64(node + 8, lengths, true);
    this.#words(node + 16, [first + Nodes.#entry, entries]);
    this.#words(first, [0, 0, any === undefined ? 0 : this.put(any), 0]);
    keys.forEach(([key, child], i) => {
      const words = [this.#text(key), key.length, this.put(child), apart.includes(key) ? 1 : 0];
      this.#words(first + (i + 1) * Nodes.#entry, words);
    });
    return node;
  }

  #words(at: number, words: readonly number[]): void {
    words.forEach((word, i) => {
      this.#view.setUint32(at + i * 4, word, true);
    });
  }

  #text(key: string): number {
    const at = this.#take(key.length);
    for (let i = 0; i < key.length; i++) this.#view.setUint8(at + i, key.charCodeAt(i));
    return at;
  }

  /** Room that a node or a key may have; the view refuses what is beyond the table. */
  #take(bytes: number): number {
    const at = this.#top;
    this.#top = (at + bytes + 7) & ~7;
    return at;
  }
}

function isExcerpt(shape: Exclude<Shape, true>): shape is Excerpt {
  return typeof shape === "number" || Array.isArray(shape);
}

/** How many characters of a text are kept, of its beginning and of its end. */
function excerptOf(said: Shape): readonly [head: number, tail: number] {
  if (said === true) return [0xffffffff, 0];
  return typeof said === "number" ? [said, 0] : (said as readonly [number, number]);
}
