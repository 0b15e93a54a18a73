/**
 * Owns an agent at work, as a process of its own: appends to sessions in a home, a few bytes at a time, so that lines
 * are torn at any byte when somebody looks. `writer.ts HOME FIXTURE SEED`: it lets FIXTURE's files of lines grow in
 * HOME and adds sessions of numbered calls, until its stdin ends; then it writes what is left and prints the number of calls.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { callLine, sessionPath } from "../support/claude.ts";
import { random } from "../support/random.ts";

const [home = "", fixture = "", seed = "1"] = process.argv.slice(2);
const r = random(Number(seed));
const SESSIONS = 4;

interface Growing {
  readonly path: string;
  rest: Buffer;
}

const copies: Growing[] = readdirSync(fixture, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".jsonl"))
  .map((name) => ({ path: join(home, name), rest: readFileSync(join(fixture, name)) }));
const sessions: Growing[] = Array.from({ length: SESSIONS }, (_, at) => ({
  path: join(home, sessionPath(`w${at}`)),
  rest: Buffer.alloc(0),
}));
for (const { path } of [...copies, ...sessions]) mkdirSync(dirname(path), { recursive: true });

let calls = 0;

function append(file: Growing, bytes: number): void {
  appendFileSync(file.path, file.rest.subarray(0, bytes));
  file.rest = file.rest.subarray(bytes);
}

/** One piece of a session: the next call begins where the last is written out. */
function work(at: number): void {
  const file = sessions[at]!;
  if (file.rest.length === 0) file.rest = Buffer.from(callLine(calls++, `w${at}`, "x".repeat(r.int(1, 400))));
  append(file, r.chance(0.5) ? file.rest.length : r.int(1, file.rest.length));
}

let ending = false;
process.stdin.on("end", () => {
  ending = true;
});
process.stdin.resume();

while (!ending) {
  for (let piece = r.int(1, 6); piece > 0; piece--) work(r.int(0, SESSIONS - 1));
  if (r.chance(0.3)) append(r.pick(copies), r.int(1, 3000));
  await Bun.sleep(r.int(1, 8));
}
for (const file of [...copies, ...sessions]) append(file, file.rest.length);
console.log(calls);
