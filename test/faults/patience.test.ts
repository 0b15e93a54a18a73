/**
 * Proves that no text that an agent's store may hold makes a pattern of weir's run away: with long texts made to let
 * patterns go back and forth in place of the stores' own, a sync takes hardly longer than with harmless ones of that length.
 */
import { expect, test } from "bun:test";
import { agents } from "../../src/agents/index.ts";
import { withoutCredentials, withoutHome } from "../../src/record/privacy.ts";
import { syncInto } from "../support/archive.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { storesOf } from "../support/growth.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { hurry } from "../support/hurry.ts";
import { type Random, SEED, setting, trial } from "../support/random.ts";

const ROUNDS = setting("WEIR_PATIENCE", 2);
/** A pattern that looks at every pair of characters takes a second for so many. */
const LENGTH = 30_000;
const SHARE = 0.1;
/** What any record may take, and each character: some are written as an escape. A pattern that runs away takes seconds. */
const BUDGET_MS = 100;
const CHARACTER_MS = 0.0005;
const TIMES = 4;

const repeated = (part: string): string => part.repeat(Math.ceil(LENGTH / part.length)).slice(0, LENGTH);
const TEXTS: readonly string[] = [
  "a",
  " ",
  "/",
  "a/",
  "../",
  "@",
  "a@",
  "https://a:",
  "://",
  "-",
  "a-",
  ".",
  "0",
  "0.",
  "2026-11-21T",
  "<",
  "<a>",
  "&lt;",
  "[",
  "[]",
  "{",
  '"',
  "\\",
  "=",
  "a=",
  "\n",
  "\r\n",
  "\t ",
  "\u0000",
  "\u200b",
  "aA",
  "sk-",
  "<command-name>",
  "C:\\",
].map(repeated);
const ENDS = ["", "!", "@", "/", "\n", "x"];

/** The same JSON with some of its texts, and always the same ones, replaced. */
function replaced(text: string, r: Random, by: (key: string) => string): string {
  const parsed = JSON.parse(text, (key, value) => (typeof value === "string" && r.chance(SHARE) ? by(key) : value));
  return JSON.stringify(parsed);
}

function linesOf(bytes: Buffer, r: Random, by: () => string): string {
  return bytes
    .toString("utf8")
    .split("\n")
    .map((line) => {
      try {
        return line === "" ? line : replaced(line, r, by);
      } catch {
        return line; // a line that is no JSON stays as it is
      }
    })
    .join("\n");
}

async function timed({ home, data }: Scratch, agent: string): Promise<number> {
  const before = process.cpuUsage();
  await syncInto(data, home, { agents: agents.filter(({ id }) => id === agent) });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

test(`${ROUNDS} rounds over every document and file of lines`, async () => {
  using _ = hurry();
  const slow: string[] = [];
  let longest = 0;
  for (const { name, agent, path } of fixtureHomes) {
    const stores = storesOf(
      path,
      agents.filter(({ id }) => id === agent),
    ).filter(({ shape, bytes }) => shape !== "sqlite" && bytes.length < 300_000);
    for (const [at, store] of stores.entries())
      for (let round = 0; round < ROUNDS; round++)
        await trial(SEED + at * ROUNDS + round, async (r) => {
          const evil = r.pick(TEXTS) + r.pick(ENDS);
          const seed = r.int(0, 1e9);
          const timeOf = (text: string): Promise<{ readonly ms: number; readonly characters: number }> =>
            trial(seed, async (same) => {
              using place = scratch({ fast: true });
              const content =
                store.shape === "json"
                  ? replaced(store.bytes.toString("utf8"), same, () => text)
                  : linesOf(store.bytes, same, () => text);
              place.write(store.path, content);
              return { ms: await timed(place, agent), characters: content.length };
            });
          const measure = async (): Promise<string | undefined> => {
            const [took, harmless] = [await timeOf(evil), await timeOf("x".repeat(evil.length))];
            longest = Math.max(longest, took.ms);
            if (took.ms <= harmless.ms * TIMES + BUDGET_MS + took.characters * CHARACTER_MS) return undefined;
            const what = `${took.ms} ms with ${JSON.stringify(evil.slice(0, 20))}, else ${harmless.ms} ms`;
            return `${name} ${store.path}: ${what}`;
          };
          // A pattern that runs away does so each time; what the machine did meanwhile it does once.
          const found = (await measure()) && (await measure());
          if (found !== undefined) slow.push(found);
        });
  }
  console.log(`longest ${Math.round(longest)} ms, seed ${SEED}`);
  expect(slow).toEqual([]);
}, 1_200_000);

test("what is taken out of addresses and folders takes no longer than it is long", () => {
  const texts = TEXTS.flatMap((text) => ENDS.map((end) => text.repeat(30) + end));
  const before = performance.now();
  for (const text of texts) {
    withoutCredentials(text);
    withoutCredentials(`https://${text}`);
    withoutHome(text, ["/home/a", text.slice(0, 10)]);
  }
  expect((performance.now() - before) / texts.length).toBeLessThan(BUDGET_MS);
});
