/** Proves `sync --watch`: rounds one after the other, the lock free between them, failures told until they end, a quick stop. */
import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { callLines, callNumbers, numbersTo, sessionPath, writeCalls } from "../support/claude.ts";
import { endingOf } from "../support/ending.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { exported, hasBegun, runSync, smallDisk, unprivileged } from "../support/runs.ts";
import { startWeir, type Weir } from "../support/weir.ts";

/** A stop that waited for what may last, an interval or another writer, would take longer. */
const SOON_MS = 5000;
const LIMIT_MS = 250;
const STATUS: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143 };

interface Watching {
  readonly child: Weir;
  /** Everything that it has said so far. */
  readonly said: () => string;
  /** Waits until it has said this so many times. */
  hears(text: string, times?: number): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<{ readonly status: number; readonly isSoon: boolean }>;
}

interface Options {
  readonly through?: readonly string[];
  readonly interval?: string;
}

function watching({ home, data }: Scratch, args: readonly string[] = [], options: Options = {}): Watching {
  const { through, interval = "1s" } = options;
  const child = startWeir(["sync", "--watch", "--home", home, "--data-dir", data, ...args], {
    env: { WEIR_WATCH_INTERVAL_MS: interval },
    ...(through && { through }),
  });
  let text = "";
  void (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) text += decoder.decode(chunk, { stream: true });
  })();
  return {
    child,
    said: () => text,
    async hears(wanted, times = 1) {
      const end = performance.now() + 20_000;
      while (text.split(wanted).length - 1 < times) {
        if (performance.now() > end) throw new Error(`"${wanted}" was not said ${times} times: ${text}`);
        await Bun.sleep(10);
      }
    },
    async stop(signal = "SIGTERM") {
      const { own, byTheClock } = await endingOf(child, () => child.kill(signal));
      // While it writes to stdout a signal does what it does by itself; to a shell that is the same.
      const bySignal = child.signalCode === signal ? STATUS[signal] : undefined;
      return { status: child.exitCode ?? bySignal ?? -1, isSoon: own < LIMIT_MS && byTheClock < SOON_MS };
    },
  };
}

describe("sync --watch", () => {
  test("archives what comes, and leaves the lock free while it sleeps", async () => {
    using place = scratch();
    writeCalls(place, 10);
    const watch = watching(place);
    await watch.hears("archived 11 records");
    expect(runSync(place, ["--no-wait"]).status).toBe(0);
    place.write(sessionPath("later"), callLines(10, 13, "later"));
    await watch.hears("archived 4 records");
    expect((await watch.stop()).status).toBe(143);
    expect(callNumbers(exported(place))).toEqual(numbersTo(13));
    expect(watch.said()).not.toContain("nothing new");
  });

  test("stops within 250 ms, however long it would have slept", async () => {
    using place = scratch();
    writeCalls(place, 10);
    const watch = watching(place, [], { interval: "1h" });
    await watch.hears("archived 11 records");
    expect(await watch.stop()).toEqual({ status: 143, isSoon: true });
  });

  test("gives one JSON object a round, at once", async () => {
    using place = scratch();
    writeCalls(place, 10);
    const watch = watching(place, ["--json"]);
    const reader = watch.child.stdout.getReader();
    const first = new TextDecoder().decode((await reader.read()).value);
    expect(JSON.parse(first)).toMatchObject({ schema: "weir.sync", records: { added: 11 } });
    const second = new TextDecoder().decode((await reader.read()).value);
    expect(JSON.parse(second)).toMatchObject({ schema: "weir.sync", records: { added: 0 } });
    expect((await watch.stop("SIGINT")).status).toBe(130);
  });

  test("another run at work is told in each round, its end once; a signal ends the waiting, too", async () => {
    using place = scratch();
    writeCalls(place, 20_000);
    const holder = startWeir(["sync", "--home", place.home, "--data-dir", place.data]);
    await hasBegun(place, holder.pid);
    holder.kill("SIGSTOP");
    const watch = watching(place, ["--no-wait"]);
    await watch.hears("another weir is at work", 2);
    const waiting = watching(place);
    await waiting.hears("watching");
    await Bun.sleep(200);
    expect(await waiting.stop()).toEqual({ status: 143, isSoon: true });
    holder.kill("SIGCONT");
    expect(await holder.exited).toBe(0);
    await watch.hears("the other run has ended");
    await Bun.sleep(1500);
    expect(watch.said().split("the other run has ended")).toHaveLength(2);
    expect((await watch.stop()).status).toBe(143);
  });

  test("a full disk is told in each round with what waits, and archiving goes on when there is room", async () => {
    using place = scratch();
    writeCalls(place, 4000);
    place.write("../data/.keep", "");
    using disk = smallDisk(place.data, 1024);
    if (!disk) return;
    const watch = watching(place);
    await watch.hears("cannot write", 2);
    expect(watch.said()).toMatch(/error: cannot write to .*; at least [\d,]+ records waiting\n/);
    expect(watch.child.exitCode).toBe(null);
    Bun.spawnSync(["mount", "-o", "remount,size=64m", place.data]);
    await watch.hears("the archive can be written again");
    expect((await watch.stop()).status).toBe(143);
    expect(callNumbers(exported(place))).toEqual(numbersTo(4000));
  });

  test("a source that cannot be read is told in each round, its end once", async () => {
    using place = scratch();
    writeCalls(place, 5);
    const path = place.write(sessionPath("closed"), callLines(5, 6, "closed"));
    const through = unprivileged(place);
    chmodSync(path, 0);
    const watch = watching(place, [], { through });
    await watch.hears(`cannot read ${path}`, 2);
    chmodSync(path, 0o644);
    await watch.hears("every source can be read again");
    expect((await watch.stop()).status).toBe(143);
    expect(callNumbers(exported(place))).toEqual(numbersTo(6));
  });

  test("what cannot pass ends it: a damaged archive, a wrong command line", async () => {
    using place = scratch();
    writeCalls(place, 5);
    const watch = watching(place);
    await watch.hears("archived 6 records");
    const [segment = ""] = readdirSync(join(place.data, "archive"));
    rmSync(join(place.data, "archive", segment));
    expect(await watch.child.exited).toBe(5);
    expect(runSync(place, ["--watch", "--dry-run"]).status).toBe(2);
  });
});
