/** Proves that standard output and files may fail: a closed pipe is the end, a full device an error, a file whole or old. */
import { describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { callLines, callNumbers, numbersTo, sessionPath, writeCalls } from "../support/claude.ts";
import { endingOf } from "../support/ending.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { exported, recordsIn, runExport, runSync } from "../support/runs.ts";
import { shell, startWeir, weir } from "../support/weir.ts";

const CALLS = 20_000;
const LONG = { timeout: 60_000 };

/** An archive whose export is larger than any pipe holds. */
function large(): Scratch {
  const place = scratch();
  writeCalls(place, CALLS);
  expect(runSync(place).status).toBe(0);
  return place;
}

function small(): Scratch {
  const place = scratch();
  place.write(sessionPath("s1"), callLines(0, 2000, "s1"));
  expect(runSync(place).status).toBe(0);
  return place;
}

describe("a reader that leaves", () => {
  test(
    "ends an export with 0 within 200 ms, without a word",
    async () => {
      using place = large();
      const times: number[] = [];
      for (let round = 0; round < 5; round++) {
        const run = startWeir(["export", "--data-dir", place.data]);
        const reader = run.stdout.getReader();
        await reader.read();
        const { own } = await endingOf(run, () => void reader.cancel());
        expect(run.exitCode).toBe(0);
        times.push(own);
        expect(await new Response(run.stderr).text()).toBe("");
      }
      expect(times.sort((a, b) => a - b)[2]!).toBeLessThan(200);
    },
    LONG,
  );

  test(
    "stops the printing of a sync, not its archiving; every command ends with 0",
    () => {
      using place = scratch();
      writeCalls(place, CALLS);
      const { home, data } = place;
      const through = shell('("$@"; echo "code $?" >&2) | head -c 1');
      for (const args of [
        ["sync", "--print", "--home", home, "--data-dir", data],
        ["export", "--data-dir", data],
        ["export", "--data-dir", data, "--format", "csv"],
        ["export", "--all", "--data-dir", data],
        ["schema"],
      ]) {
        const { stdout, stderr } = weir(args, { through });
        expect({ args, stdout: stdout.length, end: stderr.endsWith("code 0\n") }).toEqual({
          args,
          stdout: 1,
          end: true,
        });
        expect(stderr).not.toContain("error");
      }
      expect(callNumbers(exported(place))).toEqual(numbersTo(CALLS));
    },
    LONG,
  );

  test("that was never there: nothing hangs, and all is archived", () => {
    using place = scratch();
    place.write(sessionPath("s1"), callLines(0, 3, "s1"));
    expect(runSync(place, ["--print"], { through: shell('"$@" >&-') }).status).toBeOneOf([0, 1]);
    expect(callNumbers(exported(place))).toEqual([0, 1, 2]);
  });
});

describe.skipIf(process.platform !== "linux")("a full device as standard output", () => {
  const through = shell('"$@" > /dev/full');

  test("is an error of every command that writes data: exit 1 with the reason", () => {
    using place = small();
    const { home, data } = place;
    for (const args of [
      ["scan", "--home", home, "--data-dir", data],
      ["sync", "--json", "--home", home, "--data-dir", data],
      ["export", "--data-dir", data],
      ["schema"],
      ["--help"],
      ["--version"],
    ]) {
      const run = weir(args, { through });
      expect({ args, status: run.status }).toEqual({ args, status: 1 });
      expect(run.stderr).toContain("no space left on the device");
    }
  });

  test("ends a printing sync with 1; what it had committed is archived once, the next run does the rest", () => {
    using place = scratch();
    place.write(sessionPath("s1"), callLines(0, 2000, "s1"));
    expect(runSync(place, ["--print"], { through }).status).toBe(1);
    expect(runSync(place).status).toBe(0);
    expect(callNumbers(exported(place, "--all"))).toEqual(numbersTo(2000));
  });
});

describe("-o FILE", () => {
  const partsIn = (folder: string): string[] => readdirSync(folder).filter((name) => name.includes(".part"));

  test("is written whole, over what stood there", () => {
    using place = small();
    const file = place.write("../out.jsonl", "old");
    const run = runExport(place, ["-o", file]);
    expect(run).toMatchObject({ status: 0, stdout: "" });
    expect(callNumbers(recordsIn(readFileSync(file, "utf8")))).toEqual(numbersTo(2000));
    expect(partsIn(place.root)).toEqual([]);
  });

  test("stays as it was when the disk is full: exit 4, naming it, and nothing is left beside it", () => {
    using place = small();
    const file = place.write("../out.jsonl", "old");
    const run = runExport(place, ["-o", file], { through: shell('ulimit -f 100; exec "$@"') });
    expect({ status: run.status, stderr: run.stderr }).toMatchObject({
      status: 4,
      stderr: expect.stringContaining(file),
    });
    expect(readFileSync(file, "utf8")).toBe("old");
    expect(partsIn(place.root)).toEqual([]);
  });

  test("stays as it was when the archive is damaged half way: exit 5", () => {
    using place = small();
    const folder = join(place.data, "archive");
    const segment = join(folder, readdirSync(folder)[0]!);
    const bytes = readFileSync(segment);
    bytes.fill("x", bytes.lastIndexOf(10, bytes.length - 2) + 1, bytes.length - 1);
    place.write(`../data/archive/${readdirSync(folder)[0]}`, bytes);
    const file = place.write("../out.jsonl", "old");
    expect(runExport(place, ["--all", "-o", file]).status).toBe(5);
    expect(readFileSync(file, "utf8")).toBe("old");
    expect(partsIn(place.root)).toEqual([]);
  });

  test("that is a folder, or in a folder that is not there, is exit 4, naming it, and nothing is left", () => {
    using place = small();
    const folder = join(place.root, "out");
    mkdirSync(folder);
    for (const [file, reason] of [
      [folder, "it is a folder"],
      [join(place.root, "nowhere/out.jsonl"), `there is no folder ${join(place.root, "nowhere")}`],
    ] as const) {
      const { status, stderr } = runExport(place, ["-o", file]);
      expect({ status, stderr }).toMatchObject({
        status: 4,
        stderr: expect.stringContaining(`cannot write ${file}: ${reason}`),
      });
    }
    expect(partsIn(place.root)).toEqual([]);
  });

  test.skipIf(process.platform === "win32")("that is a pipe is exit 4, and it stays a pipe", () => {
    using place = small();
    const pipe = join(place.root, "pipe");
    expect(Bun.spawnSync(["mkfifo", pipe]).success).toBe(true);
    const { status, stderr } = runExport(place, ["-o", pipe]);
    expect({ status, stderr }).toMatchObject({ status: 4, stderr: expect.stringContaining(`weir export > ${pipe}`) });
    expect(lstatSync(pipe).isFIFO()).toBe(true);
    expect(partsIn(place.root)).toEqual([]);
  });

  test.skipIf(process.platform === "win32")(
    "that is a link is written where the link leads, and the link stays",
    () => {
      using place = small();
      const file = place.write("../real.jsonl", "old");
      const link = join(place.root, "link.jsonl");
      symlinkSync(file, link);
      expect(runExport(place, ["-o", link]).status).toBe(0);
      expect(lstatSync(link).isSymbolicLink()).toBe(true);
      expect(callNumbers(recordsIn(readFileSync(file, "utf8")))).toEqual(numbersTo(2000));
    },
  );

  test("- is standard output", () => {
    using place = small();
    expect(callNumbers(recordsIn(runExport(place, ["-o", "-"]).stdout))).toEqual(numbersTo(2000));
  });
});
