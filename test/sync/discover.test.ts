/** Proves what is a source: the files that a stream's patterns name, each once, never through a link out of its root. */
import { describe, expect, test } from "bun:test";
import { linkSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { Agent, Place } from "../../src/read/types.ts";
import { type Choice, type Discovery, discover } from "../../src/sync/discover.ts";
import { toldPath } from "../../src/sync/source.ts";
import { EVERYTHING, environmentAt } from "../support/archive.ts";
import { type Scratch, scratch } from "../support/home.ts";

/** An agent with one stream of lines, looked for in these places below each home. */
function agentAt(places: readonly Omit<Place, "root">[], root = ""): Agent {
  return {
    id: "made-up",
    title: "Made Up",
    retention: "keeps everything",
    streams: [
      {
        shape: "tail",
        kind: "lines",
        rank: 1,
        version: 1,
        locate: ({ homes }) =>
          homes.flatMap((home) =>
            places.map((place) => ({ ...place, root: root ? `${home.path}/${root}` : home.path })),
          ),
        session: () => undefined,
        start: () => ({}),
        step: () => undefined,
        open: () => undefined,
      },
    ],
  };
}

function find(place: Scratch, match: readonly string[], choice: Choice = EVERYTHING): Discovery {
  return discover([agentAt([{ match }])], environmentAt(place.home), choice);
}

const pathsOf = ({ found }: Discovery): string[] => found.map((f) => f.relative);

/** What a pattern means, said another way. */
function toRegex(pattern: string): RegExp {
  const parts = pattern.split("/").map((part) =>
    part === "**"
      ? "(?:[^/]+/)*"
      : `${part
          .split("*")
          .map((text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
          .join("[^/]*")}/`,
  );
  return new RegExp(`^${parts.join("").replace(/\/$/, "")}$`);
}

describe("a pattern", () => {
  test("names exactly the files that it says: * within a name, ** any folders, every other character itself", () => {
    const odd = process.platform === "win32" ? [] : ["a\\b"];
    const name = fc.constantFrom("a", "b.jsonl", "ab", "a.b", "x+y", "(z)", ".hidden", "ä", ...odd);
    const part = fc.constantFrom("a", "*", "*.jsonl", "a*", "*b*", "a.b", "x+y", "(z)", ".*", "**", "ä");
    fc.assert(
      fc.property(
        fc.array(fc.array(name, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
        fc.array(part, { minLength: 1, maxLength: 4 }).filter((parts) => parts.at(-1) !== "**"),
        (files, parts) => {
          using place = scratch({ fast: true });
          const written = new Set<string>();
          for (const file of files) {
            const path = file.join("/");
            const clashes = [...written].some((other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`));
            if (clashes) continue;
            place.write(path, "x");
            written.add(path);
          }
          const pattern = parts.join("/");
          const expected = [...written].filter((path) => toRegex(pattern).test(path)).sort();
          expect({ pattern, found: pathsOf(find(place, [pattern])).sort() }).toEqual({ pattern, found: expected });
        },
      ),
      { numRuns: 150 },
    );
  });

  test("of several that fit one file names it once", () => {
    using place = scratch();
    place.write("a/b.jsonl", "x");
    expect(pathsOf(find(place, ["**/*.jsonl", "a/*.jsonl", "a/b.jsonl", "*/b.jsonl"]))).toEqual(["a/b.jsonl"]);
  });
});

describe("a source is told", () => {
  test("in one order, by its path below the root and below the home, and by its stamp", () => {
    using place = scratch();
    for (const name of ["c", "a", "b"]) place.write(`store/${name}.jsonl`, name.repeat(3));
    const { found } = discover([agentAt([{ match: ["*.jsonl"] }], "store")], environmentAt(place.home), EVERYTHING);
    expect(found.map((f) => [f.path, f.inRoot, f.relative, f.stamp.size])).toEqual(
      ["a", "b", "c"].map((name) => [
        join(place.home, `store/${name}.jsonl`),
        `${name}.jsonl`,
        `store/${name}.jsonl`,
        3,
      ]),
    );
  });

  test("with the sidecars that stand beside it, and only with regular files", () => {
    using place = scratch();
    for (const name of ["a.jsonl", "a.meta.json", "b.jsonl", "c.jsonl", "d.meta.json"]) place.write(name, "{}");
    symlinkSync(join(place.home, "a.meta.json"), join(place.home, "b.meta.json"));
    mkdirSync(join(place.home, "c.meta.json"));
    const agent = agentAt([{ match: ["*.jsonl"], sidecars: [{ ending: ".jsonl", beside: ".meta.json" }] }]);
    const { found } = discover([agent], environmentAt(place.home), EVERYTHING);
    expect(found.map((f) => [f.relative, f.sidecars.map((s) => s.path)])).toEqual([
      ["a.jsonl", [join(place.home, "a.meta.json")]],
      ["b.jsonl", []],
      ["c.jsonl", []],
    ]);
  });

  test("with the sidecars of another folder, by name, and only where no link leads out of the place", () => {
    using place = scratch();
    for (const name of ["m/s/a.json", "m/s/b.json", "p/a/2.json", "p/a/1.json", "p/a/1.txt", "q/s/b/3.json"])
      place.write(name, "{}");
    mkdirSync(join(place.home, "p/a/4.json"));
    symlinkSync(join(place.home, "p/a"), join(place.home, "p/b"));
    const sidecars = ["../../p/{stem}/*.json", "../../q/{folder}/{stem}/*.json"].map((beside) => ({
      ending: ".json",
      beside,
    }));
    const { found } = discover([agentAt([{ match: ["m/*/*.json"], sidecars }])], environmentAt(place.home), EVERYTHING);
    expect(found.map((f) => [f.relative, f.sidecars.map((s) => [s.ending, s.path])])).toEqual([
      ["m/s/a.json", ["1.json", "2.json"].map((name) => [name, join(place.home, "p/a", name)])],
      ["m/s/b.json", [["3.json", join(place.home, "q/s/b/3.json")]]],
    ]);
  });

  test("also where somebody keeps a folder that the pattern names elsewhere, under the path that the agent knows", () => {
    using place = scratch();
    mkdirSync(join(place.home, "store"));
    place.write("../disk/moved/x/a.jsonl", "x");
    place.write("../disk/other/b.jsonl", "x");
    symlinkSync(join(place.root, "disk/moved"), join(place.home, "store/logs"));
    symlinkSync(join(place.root, "disk/other"), join(place.root, "disk/moved/linked"));
    symlinkSync("..", join(place.root, "disk/moved/circle"));
    symlinkSync(join(place.root, "disk/nowhere"), join(place.home, "store/gone"));
    const match = ["logs/*/*.jsonl", "logs/linked/*.jsonl", "logs/**/x/*.jsonl", "gone/*.jsonl"];
    const { found, unreadable } = discover([agentAt([{ match }], "store")], environmentAt(place.home), EVERYTHING);
    expect(found.map((f) => [f.path, f.inRoot, f.relative])).toEqual([
      [join(place.root, "disk/moved/x/a.jsonl"), "logs/x/a.jsonl", "store/logs/x/a.jsonl"],
    ]);
    expect(unreadable).toEqual([]);
  });

  test("once, however many ways lead to it: hard links, linked roots, a home named twice", () => {
    using place = scratch();
    const path = place.write("store/a.jsonl", "x");
    linkSync(path, join(place.home, "store/b.jsonl"));
    symlinkSync(join(place.home, "store"), join(place.home, "other"));
    symlinkSync(place.home, join(place.root, "alias"));
    const agent = agentAt([{ match: ["store/*.jsonl"] }]);
    const roots = agentAt([{ match: ["*.jsonl"] }], "other");
    for (const homes of [
      [place.home],
      [place.home, place.home],
      [place.home, join(place.root, "alias")],
      [join(place.root, "alias"), place.home],
    ]) {
      expect(pathsOf(discover([agent], environmentAt(...homes), EVERYTHING))).toEqual(["store/a.jsonl"]);
      expect(discover([roots], environmentAt(...homes), EVERYTHING).found.map((f) => f.path)).toEqual([path]);
    }
  });

  test("of two files with the same name and content in two homes: twice", () => {
    using place = scratch();
    using other = scratch();
    for (const each of [place, other]) each.write("a.jsonl", "x");
    const { found } = discover([agentAt([{ match: ["*.jsonl"] }])], environmentAt(place.home, other.home), EVERYTHING);
    expect(found.map((f) => f.path)).toEqual([join(place.home, "a.jsonl"), join(other.home, "a.jsonl")]);
    expect(found.map((f) => f.relative)).toEqual(["a.jsonl", "a.jsonl"]);
  });
});

describe("a link", () => {
  test("to a file is no source, wherever it leads", () => {
    using place = scratch();
    const path = place.write("a.jsonl", "x");
    for (const [name, target] of [
      ["inside.jsonl", path],
      ["outside.jsonl", "/etc/hostname"],
      ["broken.jsonl", "/nowhere"],
      ["itself.jsonl", "itself.jsonl"],
    ] as const)
      symlinkSync(target, join(place.home, name));
    expect(find(place, ["*.jsonl"])).toMatchObject({ found: [{ relative: "a.jsonl" }], unreadable: [] });
  });

  test("to a folder outside the root is not followed, and one in a circle does no harm", () => {
    using place = scratch();
    place.write("a/a.jsonl", "x");
    place.write("../outside/b.jsonl", "x");
    symlinkSync(join(place.root, "outside"), join(place.home, "out"));
    symlinkSync("..", join(place.home, "a/up"));
    symlinkSync(".", join(place.home, "self"));
    expect(find(place, ["**/*.jsonl"])).toMatchObject({ found: [{ relative: "a/a.jsonl" }], unreadable: [] });
  });
});

describe("what is not there, or cannot be looked at", () => {
  test("is silence when it is absent", () => {
    using place = scratch();
    expect(find(place, ["no/such/*.jsonl"])).toEqual({ found: [], unreadable: [] });
    const file = place.write("file", "x");
    expect(discover([agentAt([{ match: ["*"] }], "below")], environmentAt(file), EVERYTHING).unreadable).toEqual([]);
  });

  test("is offline when it is a home that was named, never a sign that its sessions are gone", () => {
    using place = scratch();
    const absent = join(place.home, "absent");
    expect(discover([agentAt([{ match: ["*"] }])], environmentAt(absent), EVERYTHING)).toEqual({
      found: [],
      unreadable: [{ path: absent, reason: "there is no such folder; is it offline?" }],
    });
  });

  test("is told when it is a home that was given: it is offline, and nobody says that its files are deleted", () => {
    using place = scratch();
    place.write("a.jsonl", "x");
    const absent = join(place.home, "absent");
    const { found, unreadable } = discover(
      [agentAt([{ match: ["*.jsonl"] }])],
      environmentAt(absent, place.home),
      EVERYTHING,
    );
    expect(found.map((f) => f.relative)).toEqual(["a.jsonl"]);
    expect(unreadable).toEqual([{ path: absent, reason: expect.stringContaining("offline") }]);
  });

  test("is told with its reason, and the others are found", () => {
    using place = scratch();
    place.write("a.jsonl", "x");
    symlinkSync("loop", join(place.home, "loop"));
    const agent = agentAt([{ match: ["*.jsonl"] }]);
    const broken = { ...agentAt([{ match: ["*"] }], "loop"), id: "other" };
    const { found, unreadable } = discover([broken, agent], environmentAt(place.home), EVERYTHING);
    expect(found.map((f) => f.relative)).toEqual(["a.jsonl"]);
    expect(unreadable).toEqual([{ path: `${place.home}/loop`, reason: "ELOOP" }]);
  });

  test("is found when it comes later, in the same process", () => {
    using place = scratch();
    const agent = agentAt([{ match: ["*.jsonl"] }], "store");
    const look = (): number => discover([agent], environmentAt(place.home), EVERYTHING).found.length;
    expect(look()).toBe(0);
    place.write("store/a.jsonl", "x");
    expect(look()).toBe(1);
    rmSync(join(place.home, "store"), { recursive: true });
    expect(look()).toBe(0);
  });
});

describe("a choice", () => {
  test("of agents or streams looks nowhere else", () => {
    using place = scratch();
    place.write("a.jsonl", "x");
    const found = (choice: Partial<Choice>): number =>
      find(place, ["*.jsonl"], { ...EVERYTHING, ...choice }).found.length;
    expect(found({ agents: ["made-up"] })).toBe(1);
    expect(found({ agents: ["other"] })).toBe(0);
    expect(found({ streams: ["lines"] })).toBe(1);
    expect(found({ streams: ["other"] })).toBe(0);
  });

  test("of a source by hand finds that file or all below that folder, from any place, and nothing else", () => {
    using place = scratch();
    place.write("a.jsonl", "x");
    const file = place.write("../elsewhere/any name.txt", "x");
    place.write("../elsewhere/b.jsonl", "x");
    const named = (path: string): string[] =>
      find(place, ["*.jsonl"], {
        ...EVERYTHING,
        sources: [{ agent: "made-up", stream: "lines", path }],
      }).found.map((f) => f.path);
    expect(named(file)).toEqual([file]);
    expect(named(join(place.root, "elsewhere"))).toEqual([join(place.root, "elsewhere/b.jsonl")]);
    expect(named(join(place.root, "nowhere"))).toEqual([]);
    if (process.platform !== "win32") {
      const odd = place.write("../elsewhere/a\\b.jsonl", "x");
      expect(named(odd)).toEqual([odd]);
    }
    symlinkSync("loop", join(place.root, "loop"));
    expect(named(join(place.root, "loop"))).toEqual([]);
    expect(named(join(place.root, "loop/below.jsonl"))).toEqual([]);
  });

  test("of a source by hand follows a link to a file, and tells what is neither file nor folder", () => {
    using place = scratch();
    const file = place.write("../elsewhere/store.jsonl", "x");
    const link = join(place.home, "any name");
    symlinkSync(file, link);
    const discovered = (path: string): Discovery =>
      find(place, ["*.jsonl"], { ...EVERYTHING, sources: [{ agent: "made-up", stream: "lines", path }] });
    expect(discovered(link)).toMatchObject({ found: [{ path: file }], unreadable: [] });
    symlinkSync("loop", join(place.root, "loop"));
    expect(discovered(join(place.root, "loop"))).toMatchObject({ found: [], unreadable: [{ reason: "ELOOP" }] });
    if (process.platform === "win32") return;
    const pipe = join(place.root, "pipe.jsonl");
    Bun.spawnSync(["mkfifo", pipe]);
    expect(discovered(pipe)).toEqual({ found: [], unreadable: [{ path: pipe, reason: "ENOTFILE" }] });
  });
});

test("a store outside the homes in use is told without the home that it lies in", () => {
  expect(toldPath({ relative: "/home/dev/store/a.jsonl" }, { homes: ["/srv/me"] })).toBe("~/store/a.jsonl");
  expect(toldPath({ relative: "/mnt/disk/store/a.jsonl" }, { homes: ["/srv/me"] })).toBe("/mnt/disk/store/a.jsonl");
  expect(toldPath({ relative: ".agent/a.jsonl" }, { homes: ["/srv/me"] })).toBe(".agent/a.jsonl");
});
