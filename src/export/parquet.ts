/** Owns the Parquet format: typed columns, one row group a few thousand records, so that memory stays flat. */
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { WeirRecord } from "../record/schema.ts";
import { instantOf } from "../record/time.ts";
import { COLUMNS, type Column, type ColumnType, MORE_COLUMNS } from "./columns.ts";
import type { Writer } from "./writer.ts";

const ROWS = 10_000;
const ALL: readonly Column[] = [...COLUMNS, ...MORE_COLUMNS];

type Element = ConstructorParameters<typeof ParquetWriter>[0]["schema"][number];
type Sources = Parameters<ParquetWriter["write"]>[0]["columnData"];

const TYPES: Readonly<Record<Exclude<ColumnType, "list">, Omit<Element, "name">>> = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  json: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  time: {
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
  },
  whole: { type: "INT64" },
  number: { type: "DOUBLE" },
  boolean: { type: "BOOLEAN" },
};

function elementsOf({ name, type }: Column): Element[] {
  if (type !== "list") return [{ name, repetition_type: "OPTIONAL", ...TYPES[type] }];
  return [
    { name, repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", repetition_type: "OPTIONAL", type: "BYTE_ARRAY", converted_type: "UTF8" },
  ];
}

function cellOf({ type, value }: Column, record: WeirRecord): unknown {
  const given = value(record);
  if (given === undefined) return undefined;
  if (type === "whole") return BigInt(given as number);
  if (type === "json") return JSON.stringify(given);
  if (type !== "time") return given;
  const [seconds, nanos] = instantOf(given as string);
  return BigInt(seconds) * 1_000_000n + BigInt(Math.floor(nanos / 1000));
}

export function parquet(): Writer {
  const bytes = new ByteWriter();
  const schema: Element[] = [{ name: "root", num_children: ALL.length }, ...ALL.flatMap(elementsOf)];
  const writer = new ParquetWriter({ writer: bytes, schema, createdBy: "weir" });
  let rows: WeirRecord[] = [];
  /** Hands out what was written since the last time; offsets go on counting. */
  const taken = (): Uint8Array => {
    const copy = bytes.getBytes().slice();
    bytes.index = 0;
    return copy;
  };
  const group = (): void => {
    if (rows.length === 0) return;
    const columnData = ALL.map((column) => ({ name: column.name, data: rows.map((row) => cellOf(column, row)) }));
    writer.write({ columnData: columnData as Sources, rowGroupSize: ROWS });
    rows = [];
  };
  return {
    begin: () => taken(),
    record(record) {
      rows.push(record);
      if (rows.length < ROWS) return "";
      group();
      return taken();
    },
    end() {
      group();
      writer.finish();
      return taken();
    },
  };
}
