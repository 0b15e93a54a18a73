/** Owns telling what counting needs of lines that stand in its own bytes, without making records of them. */
import { recordIn } from "../../record/line.ts";
import { OPERATIONS, type Operation } from "../../record/operations.ts";
import { moduleOf } from "../../system/engine.ts";
import { MODULE } from "./module.ts";
import { type Frame, seedOf, sourceHash, type Told } from "./told.ts";

// As in `assembly/tell.ts`: where things are in memory, and how long they are.
const TABLES = 64;
const TABLE = 1024;
const BUCKETS = 64;
const WORD = 32;
const ROWS = 16384;
const ROW_WORDS = 16;
/** Lines that are told in one go: about as many as a chunk has. */
const MOST = 1024;
const INPUT = ROWS + MOST * ROW_WORDS * 4;
const PAGE = 1 << 16;
/** The teller reads sixteen bytes at a time, also at the end. */
const SLACK = 16;

/** The words of each table, each with its code; those of an object of a record are its keys. */
const WORDS: readonly Readonly<Record<string, number>>[] = [
  {
    v: 1,
    id: 2,
    fact: 3,
    rev: 4,
    time: 5,
    operation: 6,
    subagent: 7,
    trace_id: 8,
    span_id: 9,
    parent_span_id: 10,
    usage: 11,
    aggregate: 12,
    source: 13,
    agent: 14,
    stream: 15,
    session_id: 16,
    parent_session_id: 17,
    forked_from: 18,
    host: 19,
  },
  { input_tokens: 1, output_tokens: 2 },
  { path: 20 },
  // What `other` is, may depend on more than is told.
  Object.fromEntries(OPERATIONS.filter((name) => name !== "other").map((name) => [name, seedOf(name)])),
];

// The words of a row.
const LENGTH = 0;
const FLAGS = 1;
const REV = 2;
const ID_HIGH = 3;
const ID_LOW = 4;
const FACT_HIGH = 5;
const FACT_LOW = 6;
const SPAN_HIGH = 7;
const SPAN_LOW = 8;
const TIME = 10;
const TOKENS = 12;

const TOLD = 1;
const REPEATS = 2;
const SIDECHAIN = 4;
const TRACED = 8;
const NESTED = 16;
const AGGREGATE = 32;
const OPERATION_SHIFT = 8;

/** Operations by their seed. */
const NAMES: readonly Operation[] = OPERATIONS.reduce<Operation[]>((names, name) => {
  names[seedOf(name)] = name;
  return names;
}, []);

type Tell = (from: number, to: number, most: number) => number;

/** What the rows say, one after the other: the same object, which holds until the next one. */
class Row implements Told {
  /** Where the row begins. */
  at = 0;
  frame: Frame = { agent: "", stream: "" };
  source = 0;
  readonly isDebugOnly = false;

  constructor(
    private readonly words: Uint32Array,
    private readonly doubles: Float64Array,
  ) {}

  #word(word: number): number {
    return this.words[this.at + word] as number;
  }

  #double(word: number): number {
    return this.doubles[(this.at + word) >>> 1] as number;
  }

  #is(flag: number): boolean {
    return (this.#word(FLAGS) & flag) !== 0;
  }

  get length(): number {
    return this.#word(LENGTH);
  }

  get isTold(): boolean {
    return this.#is(TOLD);
  }

  get repeatsFrame(): boolean {
    return this.#is(REPEATS);
  }

  get rev(): number {
    return this.#word(REV);
  }

  get idHigh(): number {
    return this.#word(ID_HIGH);
  }

  get idLow(): number {
    return this.#word(ID_LOW);
  }

  get factHigh(): number {
    return this.#word(FACT_HIGH);
  }

  get factLow(): number {
    return this.#word(FACT_LOW);
  }

  get spanHigh(): number {
    return this.#word(SPAN_HIGH);
  }

  get spanLow(): number {
    return this.#word(SPAN_LOW);
  }

  get time(): number {
    return this.#double(TIME);
  }

  get tokens(): number {
    return this.#double(TOKENS);
  }

  get operation(): Operation {
    return NAMES[this.#word(FLAGS) >>> OPERATION_SHIFT] as Operation;
  }

  get isSidechain(): boolean {
    return this.#is(SIDECHAIN);
  }

  get isTraced(): boolean {
    return this.#is(TRACED);
  }

  get isNested(): boolean {
    return this.#is(NESTED);
  }

  get isAggregate(): boolean {
    return this.#is(AGGREGATE);
  }
}

export class Teller {
  /** What lines are read into. */
  readonly bytes: Buffer;
  /** Undefined on a processor that cannot run it. */
  readonly #tell: Tell | undefined;
  readonly #row: Row;
  /** The frame that the latest line told is that of the row; else a line that repeats it is not told. */
  #isFramed = false;

  constructor(capacity: number) {
    const pages = Math.ceil((INPUT + capacity + SLACK) / PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = Buffer.from(memory.buffer, INPUT, capacity);
    const words = MOST * ROW_WORDS;
    this.#row = new Row(new Uint32Array(memory.buffer, ROWS, words), new Float64Array(memory.buffer, ROWS, words / 2));
    WORDS.forEach((words, table) => {
      putWords(new DataView(memory.buffer, TABLES + table * TABLE, TABLE), words);
    });
    const module = moduleOf(MODULE);
    this.#tell = module && (new WebAssembly.Instance(module, { env: { memory } }).exports.tell as Tell);
  }

  /**
   * Gives each line of a chunk, which ends with a newline, by where it begins and ends; with what it tells where it is as
   * weir writes it, the chunk stands in `bytes`, and the processor can run the teller.
   */
  each(chunk: Buffer, use: (told: Told | undefined, start: number, end: number) => void): void {
    const tell = this.#tell;
    if (!tell || chunk.buffer !== this.bytes.buffer) {
      untold(chunk, use);
      return;
    }
    const row = this.#row;
    for (let start = 0; start < chunk.length; ) {
      const count = tell(INPUT + start, INPUT + chunk.length, MOST);
      for (row.at = 0; row.at < count * ROW_WORDS; row.at += ROW_WORDS) {
        const end = start + row.length;
        use(this.#isTold(chunk, start, end) ? row : undefined, start, end);
        start = end + 1;
      }
    }
  }

  #isTold(chunk: Buffer, start: number, end: number): boolean {
    const row = this.#row;
    if (!row.isTold) return false;
    if (!row.repeatsFrame) this.#isFramed = this.#readFrame(chunk.toString("utf8", start, end));
    return this.#isFramed;
  }

  #readFrame(line: string): boolean {
    const record = recordIn(line);
    if (!record) return false;
    const { agent, stream, session_id, parent_session_id, forked_from, host, source } = record;
    this.#row.frame = { agent, stream, session_id, parent_session_id, forked_from };
    this.#row.source = sourceHash(host, source.path);
    return true;
  }
}

function untold(chunk: Buffer, use: (told: undefined, start: number, end: number) => void): void {
  for (let start = 0; start < chunk.length; ) {
    const end = chunk.indexOf(10, start);
    use(undefined, start, end);
    start = end + 1;
  }
}

/** Words by their length, each as [code][text]. */
function putWords(table: DataView, words: Readonly<Record<string, number>>): void {
  const sorted = Object.entries(words).sort(([a], [b]) => a.length - b.length);
  sorted.forEach(([text, code], n) => {
    const at = BUCKETS + n * WORD;
    const bucket = text.length * 2;
    if (table.getUint8(bucket + 1) === 0) table.setUint8(bucket, n);
    table.setUint8(bucket + 1, table.getUint8(bucket + 1) + 1);
    table.setUint32(at, code, true);
    for (let i = 0; i < text.length; i++) table.setUint8(at + 4 + i, text.charCodeAt(i));
  });
}
