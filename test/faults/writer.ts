/**
 * Owns agents at work, as a process of their own: `writer.ts HOME FIXTURE SEED` lets FIXTURE's files of lines grow in
 * HOME, a few bytes at a time, so that lines are torn at any byte when somebody looks, and adds numbered facts to stores
 * of every kind. Each line of its input is an order, each line of its output says that one is carried out: `grow` does a
 * few things, `finish` ends every line that is begun, `retire` deletes what is old. In the end it tells what it wrote.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Kinds } from "../support/kinds.ts";
import { random } from "../support/random.ts";

/** What the writer tells in the end, as JSON. */
export interface Written {
  readonly facts: readonly number[];
  readonly broken: number;
}

interface Growing {
  readonly path: string;
  rest: Buffer;
}

const MOST_AT_ONCE = 6;
const LONGEST_REST_MS = 20;
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
  using kinds = new Kinds(home, r);
  const orders: Readonly<Record<string, () => Promise<void> | void>> = {
    async grow() {
      for (let times = r.int(1, MOST_AT_ONCE); times > 0; times--) {
        kinds.grow();
        append(r.pick(copies), r.int(1, LONGEST_PIECE));
        await Bun.sleep(r.int(1, LONGEST_REST_MS));
      }
    },
    finish() {
      kinds.finish();
    },
    retire() {
      kinds.retire(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    },
  };
  for await (const order of console) {
    const carryOut = orders[order];
    if (!carryOut) continue; // the end of the input is an empty one
    await carryOut();
    console.log(order);
  }
  for (const file of copies) append(file, file.rest.length);
  kinds.finish();
  return { facts: [...kinds.whole], broken: kinds.broken };
}

if (import.meta.main) {
  const [home = "", fixture = "", seed = "1"] = process.argv.slice(2);
  console.log(JSON.stringify(await work(home, fixture, Number(seed))));
}
