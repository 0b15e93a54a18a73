/** Proves that data reaches stdout whole and in order, or that the failure is told. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { WriteSync } from "../../src/cli/stdout.ts";
import { createStdout, OutputError } from "../../src/cli/stdout.ts";

type Reaction = number | string;

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A system that takes at most so many bytes, or fails with a code, by a script; then takes everything. */
function setup(script: readonly Reaction[] = [], capacity = 16) {
  const reactions = [...script];
  const taken: number[] = [];
  const waits: number[] = [];
  let calls = 0;
  const write: WriteSync = (fd, bytes, offset, length) => {
    calls += 1;
    expect(fd).toBe(1);
    const reaction = reactions.shift() ?? length;
    if (typeof reaction === "string") throw systemError(reaction);
    const size = Math.min(reaction, length);
    taken.push(...bytes.subarray(offset, offset + size));
    return size;
  };
  const stdout = createStdout(write, { capacity, wait: (ms) => waits.push(ms) });
  return { stdout, waits, text: () => Buffer.from(taken).toString(), bytes: () => taken, calls: () => calls };
}

describe("createStdout", () => {
  test("delivers every byte in order, however pieces are cut, whatever the system takes", () => {
    const reaction = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom("EAGAIN", "EINTR", "EWOULDBLOCK"));
    const piece = fc.oneof(fc.string({ unit: "grapheme", maxLength: 60 }), fc.uint8Array({ maxLength: 60 }));
    fc.assert(
      fc.property(
        fc.array(piece),
        fc.array(reaction, { maxLength: 60 }),
        fc.integer({ min: 1, max: 40 }),
        (pieces, script, size) => {
          const { stdout, bytes } = setup(script, size);
          for (const each of pieces) expect(stdout.write(each)).toBe(true);
          expect(stdout.flush()).toBe(true);
          expect(Buffer.from(bytes())).toEqual(Buffer.concat(pieces.map((each) => Buffer.from(each))));
        },
      ),
    );
  });

  test("holds data back until the buffer is full or flushed, and writes nothing for nothing", () => {
    const { stdout, text, calls } = setup();
    stdout.write("0123456789");
    expect(text()).toBe("");
    stdout.write("abcdefghij");
    expect(text()).toBe("0123456789abcdef");
    stdout.flush();
    stdout.flush();
    expect(text()).toBe("0123456789abcdefghij");
    expect(calls()).toBe(2);
  });

  test("waits longer and longer while the pipe is full, up to a limit, and never gives up", () => {
    const { stdout, waits, text } = setup(Array.from({ length: 300 }, () => "EAGAIN"));
    stdout.write("x");
    expect(stdout.flush()).toBe(true);
    expect(text()).toBe("x");
    expect(waits).toHaveLength(300);
    expect(waits.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 50, 50]);
  });

  test("a reader that went away closes it: false from then on, and not one more write", () => {
    for (const code of ["EPIPE", "ECONNRESET", "EOF"]) {
      const { stdout, calls } = setup([4, code]);
      expect(stdout.write("0123456789")).toBe(true);
      expect(stdout.closed).toBe(false);
      expect(stdout.write("0123456789".repeat(100))).toBe(false);
      expect(stdout.closed).toBe(true);
      expect(stdout.write("more")).toBe(false);
      expect(stdout.write(new Uint8Array(100))).toBe(false);
      expect(stdout.flush()).toBe(false);
      expect(calls()).toBe(2);
    }
  });

  test("any other failure throws an OutputError, again at each later call, and never looks like success", () => {
    for (const code of ["ENOSPC", "EIO", "EBADF"]) {
      const { stdout, calls } = setup([code]);
      stdout.write("x");
      expect(() => stdout.flush()).toThrow(OutputError);
      expect(() => stdout.write("y")).toThrow(OutputError);
      expect(() => stdout.flush()).toThrow(OutputError);
      expect(calls()).toBe(1);
      expect(stdout.closed).toBe(false);
    }
  });

  test("the error tells the reason and keeps its cause", () => {
    const { stdout } = setup(["ENOSPC"]);
    stdout.write("x");
    try {
      stdout.flush();
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(OutputError);
      expect(error).toMatchObject({ code: "ENOSPC", failure: "failed", name: "OutputError" });
      expect(String(error)).toContain("no space left");
      expect((error as OutputError).cause).toMatchObject({ code: "ENOSPC" });
    }
  });

  test("a device that takes nothing for ever, or an impossible number, is a failure and not an endless loop", () => {
    const dead = setup(Array.from({ length: 1000 }, () => 0));
    dead.stdout.write("x");
    expect(() => dead.stdout.flush()).toThrow(OutputError);
    for (const wrong of [-1, 17, Number.NaN]) {
      const stdout = createStdout(() => wrong);
      stdout.write("0123456789abcdef");
      expect(() => stdout.flush()).toThrow(OutputError);
    }
  });
});

const program = `
  import { writeSync } from "node:fs";
  import { createStdout } from "./src/cli/stdout.ts";
  const stdout = createStdout((fd, bytes, offset, length) => writeSync(fd, bytes, offset, length));
  let lines = 0;
  while (lines < 200000 && stdout.write(String(lines).padStart(9, "0") + "\\n")) lines += 1;
  stdout.flush();
  process.stderr.write(String(lines));
`;

/** Runs the program under a real shell, so that pipes and devices are the system's own. */
function shell(command: string): { readonly out: string; readonly err: string; readonly code: number } {
  const run = Bun.spawnSync(["sh", "-c", command], {
    cwd: `${import.meta.dir}/../..`,
    env: { ...process.env, BUN: process.execPath, PROGRAM: program },
  });
  return { out: run.stdout.toString(), err: run.stderr.toString(), code: run.exitCode };
}

describe.skipIf(process.platform === "win32")("on real pipes", () => {
  test("a slow reader gets every line", () => {
    const { out, err } = shell('"$BUN" -e "$PROGRAM" | (sleep 0.3; cksum; cat)');
    const whole = Array.from({ length: 200_000 }, (_, at) => `${String(at).padStart(9, "0")}\n`).join("");
    const expected = Bun.spawnSync(["cksum"], { stdin: Buffer.from(whole) }).stdout.toString();
    expect(out).toBe(expected);
    expect(err).toBe("200000");
  });

  test("a reader that leaves ends it quietly and early", () => {
    const { out, err } = shell('("$BUN" -e "$PROGRAM"; echo " code $?" >&2) | head -1');
    expect(out).toBe("000000000\n");
    expect(err).toEndWith(" code 0\n");
    expect(Number.parseInt(err, 10)).toBeLessThan(200_000);
  });

  test.skipIf(process.platform !== "linux")("a full device is an error, not silence", () => {
    const { err, code } = shell('"$BUN" -e "$PROGRAM" > /dev/full');
    expect(code).toBe(1);
    expect(err).toContain("no space left on the device");
  });
});
