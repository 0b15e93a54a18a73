/**
 * Owns agents at work, as a process of their own: `writer.ts HOME FIXTURE SEED` lets FIXTURE's files of lines grow in
 * HOME, a few bytes at a time, so that lines are torn at any byte when somebody looks, and adds numbered facts to stores
 * of every kind, until its stdin ends. Then it writes what is left and tells, as JSON, the facts and the broken lines.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Kinds } from "../support/kinds.ts";
import { random } from "../support/random.ts";

/** What the writer tells in the end. */
export interface Written {
  readonly facts: readonly number[];
  readonly broken: number;
}

interface Growing {
  readonly path: string;
  rest: Buffer;
}

const LONGEST_REST_MS = 60;
const LONGEST_PIECE = 3000;

async function work(home: string, fixture: string, seed: number): Promise<Written> {
  const r = random(seed);
  const copies: Growing[] = readdirSync(fixture, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => ({ path: join(home, name), rest: readFileSync(join(fixture, name)) }));
  for (const { path } of copies) mkdirSync(dirname(path), { recursive: true });
  const append = (file: Growing, bytes: number): void => {
    appendFileSync(file.path, file.rest.subarray(0, bytes));
    file.rest = file.rest.subarray(bytes);
  };
  let isEnding = false;
  process.stdin.on("end", () => {
    isEnding = true;
  });
  process.stdin.resume();
  using kinds = new Kinds(home, r);
  while (!isEnding) {
    kinds.grow();
    append(r.pick(copies), r.int(1, LONGEST_PIECE));
    await Bun.sleep(r.int(1, LONGEST_REST_MS));
  }
  for (const file of copies) append(file, file.rest.length);
  kinds.finish();
  return { facts: [...kinds.whole], broken: kinds.broken };
}

if (import.meta.main) {
  const [home = "", fixture = "", seed = "1"] = process.argv.slice(2);
  console.log(JSON.stringify(await work(home, fixture, Number(seed))));
}
