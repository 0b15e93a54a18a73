/** Proves how the page of agents writes places, and that no agent stands on both pages. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { agentsPage } from "../../docs/agents.ts";
import { merged, placeLines } from "../../docs/places.ts";
import { agents } from "../../src/agents/index.ts";

test("patterns that differ in one part are one line, whatever the part", () => {
  expect(merged(["~/a/x/*.db", "~/a/y/*.db", "~/b/x/*.db", "~/b/y/*.db"])).toEqual(["~/{a,b}/{x,y}/*.db"]);
  expect(merged(["~/a/x", "~/b/y", "~/a"])).toEqual(["~/a/x", "~/b/y", "~/a"]);
  expect(merged([])).toEqual([]);
});

test("a place is told once where it is the same on every platform, by its folder's name or in full", () => {
  const on = (platform: "linux" | "darwin" | "win32", ...patterns: string[]) => ({ platform, patterns, variables: [] });
  expect(
    placeLines([
      on("linux", "~/.x/*", "~/.config/X/*", "~/.config/y/*", "~/.local/z"),
      on("darwin", "~/.x/*", "~/Library/Application Support/X/*", "~/.config/y/*"),
      on("win32", "~/.x/*", "~/AppData/Roaming/X/*", "~/.config/y/*", "~/AppData/Roaming/w"),
    ]),
  ).toEqual(["`~/.x/*`", "`CONFIG/X/*`", "`~/.config/y/*`", "Linux: `~/.local/z`", "Windows: `~/AppData/Roaming/w`"]);
});

test("every agent and stream is on the page, with what it was seen to tell", async () => {
  const page = await agentsPage();
  for (const { title, streams } of agents) {
    const section = page.split("\n## ").find((each) => each.startsWith(`${title}\n`)) ?? "";
    for (const { kind } of streams) expect(section).toMatch(new RegExp(`^\\| \`${kind}\` .*\`\\w+\`.* \\|$`, "m"));
  }
});

test("no supported agent is called unsupported", () => {
  const page = readFileSync(join(import.meta.dir, "../../docs/unsupported-agents.md"), "utf8");
  const named = [...page.matchAll(/^\| ([^|]+?) +\|/gm)].flatMap(([, names = ""]) => names.split(", "));
  expect(named).toContain("Goose");
  expect(named.filter((name) => agents.some(({ title, id }) => title === name || id === name))).toEqual([]);
});
