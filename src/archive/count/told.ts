/** Owns what counting needs to know of a record. */
import { textHash } from "../../record/identity.ts";
import { isDebugOnly, OPERATIONS, type Operation } from "../../record/operations.ts";
import type { WeirRecord } from "../../record/schema.ts";
import { isRandomSpanId } from "../../record/spans.ts";
import { millisOf } from "../../record/time.ts";
import { tokensOf } from "../../record/usage.ts";

/** What the records of a session in one stream have in common. */
export interface Frame {
  readonly agent: string;
  readonly stream: string;
  readonly session_id?: string | undefined;
  readonly parent_session_id?: string | undefined;
  readonly forked_from?: string | undefined;
}

export interface Told {
  readonly frame: Frame;
  /** It is the producer's own debug record, which never counts. */
  readonly isDebugOnly: boolean;
  /** The first 64 bits of its id. */
  readonly idHigh: number;
  readonly idLow: number;
  /** Host and path, as a hash. */
  readonly source: number;
  readonly rev: number;
  readonly operation: Operation;
  /** Operation and fact, as a hash of 64 bits. */
  readonly factHigh: number;
  readonly factLow: number;
  /** Milliseconds since 1970; infinite where it tells none. */
  readonly time: number;
  readonly tokens: number;
  readonly isSidechain: boolean;
  readonly isTraced: boolean;
  readonly isNested: boolean;
  readonly isAggregate: boolean;
  /** Its span as a hash, see `spanHash`; both halves 0 where it has no span. */
  readonly spanHigh: number;
  readonly spanLow: number;
}

/** What decides between tellings of a fact between which nothing else does. */
export interface Weight {
  /** How much its metadata says: copies that were all written at one time lack what takes time. */
  readonly length: number;
  /** Milliseconds since 1970, 0 where it tells none: what ended later has been seen longer. */
  readonly end: number;
  /** A hash of its metadata. */
  readonly content: number;
  /** The same of its texts, which decide only between tellings of the same metadata; 0 without texts. */
  readonly textLength: number;
  readonly texts: number;
}

/** Changes the seed for the second half of a hash of 64 bits; `textHash` gives neither half as 0. */
const SECOND = 0x9e3779b9;

/** Facts of different operations are different, whatever they are called. */
const SEEDS = new Map<Operation, number>(OPERATIONS.map((operation, at) => [operation, at + 1]));

/** The seed of an operation's facts; 0 for one that is none. */
export function seedOf(operation: Operation): number {
  return SEEDS.get(operation) ?? 0;
}

/** The hash of a span's id, with its trace where the id is a counter: not every stream that knows a span knows its trace. */
export function spanHash(trace: string | undefined, span: string): readonly [high: number, low: number] {
  const text = isRandomSpanId(span) ? span : `${trace ?? ""} ${span}`;
  return [textHash(text), textHash(text, SECOND)];
}

const NO_SPAN = [0, 0] as const;

let source = { host: "", path: "", hash: textHash("\0") };

/** Records of one source mostly follow each other: their hash is worked out once. */
export function sourceHash(host: string, path: string): number {
  if (source.path !== path || source.host !== host) source = { host, path, hash: textHash(`${host}\0${path}`) };
  return source.hash;
}

export function toldBy(record: WeirRecord): Told {
  const { id, operation, trace_id, span_id } = record;
  const span = span_id === undefined ? NO_SPAN : spanHash(trace_id, span_id);
  const seed = seedOf(operation);
  return {
    frame: record,
    isDebugOnly: isDebugOnly(record),
    idHigh: Number.parseInt(id.slice(0, 8), 16),
    idLow: Number.parseInt(id.slice(8, 16), 16),
    source: sourceHash(record.host, record.source.path),
    rev: record.rev,
    operation,
    factHigh: textHash(record.fact, seed),
    factLow: textHash(record.fact, (seed ^ SECOND) >>> 0),
    time: record.time === undefined ? Number.POSITIVE_INFINITY : millisOf(record.time),
    tokens: tokensOf(record.usage),
    isSidechain: record.subagent !== undefined,
    isTraced: trace_id !== undefined,
    isNested: record.parent_span_id !== undefined,
    isAggregate: record.aggregate === true,
    spanHigh: span[0],
    spanLow: span[1],
  };
}

/** `line` is the record's own text. */
export function weightOf(record: WeirRecord, line: string): Weight {
  const [body, texts] = bodyOf(line, record);
  return {
    length: body.length,
    end: record.end_time === undefined ? 0 : millisOf(record.end_time),
    content: textHash(body),
    textLength: texts.length,
    texts: texts === "" ? 0 : textHash(texts),
  };
}

/** What a line says of its fact: all between its revision and the place where it was read, and there its texts apart. */
function bodyOf(line: string, { content, raw }: WeirRecord): readonly [metadata: string, texts: string] {
  const told = line.slice(line.indexOf(",", line.indexOf(',"rev":') + 1), line.lastIndexOf(',"source":{'));
  if (content === undefined && raw === undefined) return [told, ""];
  const at = told.indexOf(content === undefined ? ',"raw":"' : ',"content":{');
  return [told.slice(0, at), told.slice(at)];
}
