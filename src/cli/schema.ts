/** Owns `weir schema`: the record's schema for other tools. */
import { toJsonSchema } from "@valibot/to-json-schema";
import { recordSchema } from "../record/schema.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";

export async function run(_options: unknown, io: Io): Promise<number> {
  const schema = toJsonSchema(recordSchema, { errorMode: "ignore" });
  io.stdout.write(`${JSON.stringify({ ...schema, $id: "weir-record-1", title: "weir record, schema 1" }, null, 2)}\n`);
  return EXIT.done;
}
