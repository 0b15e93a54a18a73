/** Proves that the record's page tells every key, with a meaning and an example that the schema takes. */
import { expect, test } from "bun:test";
import * as v from "valibot";
import { recordsPage, TOLD } from "../../docs/records.ts";
import { recordSchema } from "../../src/record/schema.ts";

test("every key has a meaning, a time to be there, and a valid example", () => {
  const keys = Object.keys(recordSchema.entries);
  expect(Object.keys(TOLD).sort()).toEqual(keys.sort());
  const examples = Object.fromEntries(Object.entries(TOLD).map(([key, { example }]) => [key, example]));
  expect(v.safeParse(recordSchema, examples).issues).toBeUndefined();
  for (const row of recordsPage()
    .split("\n")
    .filter((line) => /^\| `/.test(line)))
    expect(row).not.toMatch(/\|\s+\|/);
});
