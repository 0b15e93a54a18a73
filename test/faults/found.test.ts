/** Holds what the harness once found, each as the smallest case that shows it. */
import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archived, syncInto } from "../support/archive.ts";
import { sessionPath } from "../support/claude.ts";
import { chat, DATABASE, openTraces, syncCopilot } from "../support/copilot.ts";
import { factLines, factsIn } from "../support/facts.ts";
import { scratch } from "../support/home.ts";

test("a file that takes another's place, and is then replaced itself, is not told again", async () => {
  using place = scratch({ fast: true });
  const first = place.write(sessionPath("s1"), factLines(0, 4, "s1"));
  const second = place.write(sessionPath("s2"), factLines(10, 14, "s2"));
  await syncInto(place.data, place.home);
  renameSync(first, second);
  await syncInto(place.data, place.home);
  appendFileSync(second, factLines(4, 6, "s1"));
  place.replace(sessionPath("s2"), readFileSync(second));
  await syncInto(place.data, place.home);
  const numbers = archived(place.data).flatMap(({ usage, rev }) => (rev === 0 ? (usage?.input_tokens ?? []) : []));
  expect(numbers.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 10, 11, 12, 13]);
  expect(factsIn(archived(place.data)).facts.size).toBe(10);
});

test("a log whose header is damaged, beside its index, holds nobody up", async () => {
  using place = scratch({ fast: true });
  {
    using db = openTraces(place);
    db.put({ id: "0000000000000001", trace: "4bf92f3577b34da6a3ce929d0e0e4731", attributes: chat(1, 1) });
    db.run("PRAGMA journal_mode = WAL").run("PRAGMA wal_autocheckpoint = 0");
    db.put({ id: "0000000000000002", trace: "4bf92f3577b34da6a3ce929d0e0e4732", attributes: chat(2, 1) });
    const [wal, shm] = ["-wal", "-shm"].map((end) => readFileSync(join(place.home, DATABASE + end)));
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    // As a loss of power may leave it: a log that begins as none does, with the index of before.
    wal!.fill(0xff, 0, 4);
    writeFileSync(join(place.home, `${DATABASE}-left`), wal!);
    writeFileSync(join(place.home, `${DATABASE}-index`), shm!);
  }
  renameSync(join(place.home, `${DATABASE}-left`), join(place.home, `${DATABASE}-wal`));
  renameSync(join(place.home, `${DATABASE}-index`), join(place.home, `${DATABASE}-shm`));
  await Bun.sleep(40);
  const before = performance.now();
  const summary = await syncCopilot(place);
  expect(performance.now() - before).toBeLessThan(5000);
  expect(summary.unreadable).toEqual([]);
  expect(summary.records.added).toBeGreaterThan(0);
});

test("an integer beyond 2^53 where a database's rows end does not end the run", async () => {
  using place = scratch({ fast: true });
  {
    using db = openTraces(place);
    db.put({ id: "0000000000000001", trace: "4bf92f3577b34da6a3ce929d0e0e4731", attributes: chat(1, 1) });
    db.run("UPDATE spans SET end_time_ms = 9223372036854775807");
  }
  place.write(sessionPath("s1"), factLines(0, 4, "s1"));
  await syncCopilot(place, "claude-code");
  await syncCopilot(place, "claude-code");
  expect(factsIn(archived(place.data).filter(({ agent }) => agent === "claude-code")).facts.size).toBe(4);
});
