/** Proves that other programs' databases are read whole, of one moment, and that nothing beside them is created, changed or left. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ForeignDatabase, UnreadableDatabase } from "../../src/read/sqlite.ts";
import { sleep } from "../../src/system/process.ts";
import { startWriter, type Writer } from "../support/database.ts";
import { listing, scratch } from "../support/home.ts";

/** Reads all rows, or tells why not; a database that has only just been written is looked at again. */
async function read(path: string, temporary: string | undefined): Promise<unknown[] | string> {
  for (let attempt = 0; ; attempt++) {
    try {
      const db = ForeignDatabase.open(path, temporary);
      try {
        return db.page((ask) => ask.values("SELECT a FROM t ORDER BY a")).map(([a]) => a);
      } finally {
        db.close();
      }
    } catch (error) {
      if (!(error instanceof UnreadableDatabase)) throw error;
      if (error.trouble !== "changed" || attempt === 5) return error.trouble;
      await sleep(30);
    }
  }
}

const TABLE = "CREATE TABLE t (a INTEGER, b TEXT)";
const ROWS = "INSERT INTO t SELECT value, hex(randomblob(200)) FROM json_each('[1,2,3]')";
const ONE_MORE = "INSERT INTO t VALUES (4, 'x')";
/** More than the page cache holds: the database file itself is written before the commit. */
const SPILL =
  "INSERT INTO t SELECT 9, hex(randomblob(2000)) FROM json_each('[' || substr(replace(hex(zeroblob(1000)), '00', ',1'), 2) || ']')";
const OF_THREE = [1, 2, 3];
const OF_FOUR = [1, 2, 3, 4];

interface State {
  readonly name: string;
  /** What stands beside the database, without its own name. */
  readonly beside: readonly string[];
  readonly expected: readonly number[] | "busy";
  make(path: string): Promise<Writer | undefined>;
}

const wal = "PRAGMA journal_mode = WAL";
const states: State[] = [
  {
    name: "WAL, a writer is live and its rows are only in the WAL",
    beside: ["-shm", "-wal"],
    expected: OF_FOUR,
    make: (path) => startWriter(path, wal, TABLE, ROWS, ONE_MORE),
  },
  {
    name: "WAL, a writer is live and everything is checkpointed",
    beside: ["-shm", "-wal"],
    expected: OF_FOUR,
    make: (path) => startWriter(path, wal, TABLE, ROWS, ONE_MORE, "PRAGMA wal_checkpoint(TRUNCATE)"),
  },
  {
    name: "WAL, a writer is in the middle of a transaction",
    beside: ["-shm", "-wal"],
    expected: OF_THREE,
    make: (path) => startWriter(path, wal, TABLE, ROWS, "BEGIN EXCLUSIVE", ONE_MORE, SPILL),
  },
  {
    name: "WAL, the writer was killed",
    beside: ["-shm", "-wal"],
    expected: OF_FOUR,
    make: async (path) => killed(await startWriter(path, wal, TABLE, ROWS, ONE_MORE)),
  },
  {
    name: "WAL, the writer was killed in the middle of a transaction",
    beside: ["-shm", "-wal"],
    expected: OF_THREE,
    make: async (path) => killed(await startWriter(path, wal, TABLE, ROWS, "BEGIN", ONE_MORE, SPILL)),
  },
  {
    name: "WAL, killed, without its shared memory",
    beside: ["-wal"],
    expected: OF_FOUR,
    make: async (path) => {
      await killed(await startWriter(path, wal, TABLE, ROWS, ONE_MORE));
      rmSync(`${path}-shm`);
      return undefined;
    },
  },
  {
    name: "WAL, killed, with an empty shared memory",
    beside: ["-shm", "-wal"],
    expected: OF_FOUR,
    make: async (path) => {
      await killed(await startWriter(path, wal, TABLE, ROWS, ONE_MORE));
      writeFileSync(`${path}-shm`, "");
      return undefined;
    },
  },
  {
    name: "WAL, a writer that keeps its shared memory to itself",
    beside: ["-wal"],
    expected: OF_FOUR,
    make: (path) => startWriter(path, "PRAGMA locking_mode = EXCLUSIVE", wal, TABLE, ROWS, ONE_MORE),
  },
  {
    name: "WAL, at rest",
    beside: [],
    expected: OF_FOUR,
    make: async (path) => closed(await startWriter(path, wal, TABLE, ROWS, ONE_MORE)),
  },
  {
    name: "WAL, at rest, with a shared memory that was left",
    beside: ["-shm"],
    expected: OF_FOUR,
    make: async (path) => {
      await closed(await startWriter(path, wal, TABLE, ROWS, ONE_MORE));
      writeFileSync(`${path}-shm`, new Uint8Array(32768));
      return undefined;
    },
  },
  {
    name: "journal, a writer is live",
    beside: [],
    expected: OF_FOUR,
    make: (path) => startWriter(path, TABLE, ROWS, ONE_MORE),
  },
  {
    name: "journal, a writer is in the middle of a transaction",
    beside: ["-journal"],
    expected: OF_THREE,
    make: (path) => startWriter(path, TABLE, ROWS, "BEGIN", ONE_MORE),
  },
  {
    name: "journal, a writer has written half a transaction into the database",
    beside: ["-journal"],
    expected: OF_THREE,
    make: (path) => startWriter(path, TABLE, ROWS, "BEGIN", ONE_MORE, SPILL),
  },
  {
    name: "journal, the writer was killed with half a transaction in the database",
    beside: ["-journal"],
    expected: OF_THREE,
    make: async (path) => killed(await startWriter(path, TABLE, ROWS, "BEGIN", ONE_MORE, SPILL)),
  },
  {
    name: "journal, at rest",
    beside: [],
    expected: OF_FOUR,
    make: async (path) => closed(await startWriter(path, TABLE, ROWS, ONE_MORE)),
  },
  {
    name: "journal that is emptied, at rest",
    beside: ["-journal"],
    expected: OF_FOUR,
    make: async (path) => killed(await startWriter(path, "PRAGMA journal_mode = TRUNCATE", TABLE, ROWS, ONE_MORE)),
  },
  {
    name: "journal that is kept, at rest",
    beside: ["-journal"],
    expected: OF_FOUR,
    make: async (path) => killed(await startWriter(path, "PRAGMA journal_mode = PERSIST", TABLE, ROWS, ONE_MORE)),
  },
];

async function killed(writer: Writer): Promise<undefined> {
  await writer.kill();
}

async function closed(writer: Writer): Promise<undefined> {
  await writer.close();
}

const rights: readonly { readonly name: string; apply(folder: string): void }[] = [
  { name: "", apply: () => undefined },
  {
    name: ", its files read-only",
    apply: (folder) => {
      for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o444);
    },
  },
  { name: ", its folder read-only", apply: (folder) => chmodSync(folder, 0o555) },
];

describe("reads every committed row and leaves no trace", () => {
  for (const { name, beside, expected, make } of states) {
    for (const right of rights) {
      test(`${name}${right.name}`, async () => {
        using place = scratch();
        const folder = join(place.root, "agent's 100% #1?");
        mkdirSync(folder);
        const path = join(folder, "their.db");
        const writer = await make(path);
        right.apply(folder);
        try {
          const before = listing(folder);
          expect(readdirSync(folder).sort()).toEqual(["their.db", ...beside.map((end) => `their.db${end}`)]);
          expect(await read(path, join(place.root, "tmp"))).toEqual(expected as unknown[]);
          expect(listing(folder)).toEqual(before);
          expect(readdirSync(place.root).includes("tmp") ? readdirSync(join(place.root, "tmp")) : []).toEqual([]);
        } finally {
          await writer?.kill();
          chmodSync(folder, 0o755);
        }
      });
    }
  }
});

/** How a program can stand to its database, by the journal it keeps; rows that only the WAL has are the fourth. */
const programs: readonly { readonly name: string; make(path: string): Promise<Writer | undefined> }[] = [
  { name: "WAL, live", make: (path) => startWriter(path, ...CHECKPOINTED, ONE_MORE) },
  { name: "WAL, killed", make: async (path) => killed(await startWriter(path, ...CHECKPOINTED, ONE_MORE)) },
  { name: "WAL, at rest", make: async (path) => closed(await startWriter(path, ...CHECKPOINTED, ONE_MORE)) },
  {
    name: "journal, live",
    make: (path) => startWriter(path, TABLE, ROWS, ONE_MORE, "BEGIN", "UPDATE t SET b = 'new'"),
  },
  {
    name: "journal, killed",
    make: async (path) => killed(await startWriter(path, TABLE, ROWS, ONE_MORE, "BEGIN", "UPDATE t SET b = 'new'")),
  },
  { name: "journal, at rest", make: async (path) => closed(await startWriter(path, TABLE, ROWS, ONE_MORE)) },
];
const CHECKPOINTED = ["PRAGMA journal_mode = WAL", TABLE, ROWS, "PRAGMA wal_checkpoint(TRUNCATE)"];
const SIDECARS = ["-wal", "-shm", "-journal"];

describe("whichever of the files beside a database are there, all that is committed is read and nothing is touched", () => {
  for (const { name, make } of programs)
    for (let there = 0; there < 2 ** SIDECARS.length; there++) {
      const present = SIDECARS.filter((_, at) => (there >> at) & 1);
      test(`${name}, with ${present.join(" ") || "none"}`, async () => {
        using place = scratch();
        const path = join(place.home, "their.db");
        const writer = await make(path);
        try {
          const hadWal = existsSync(`${path}-wal`);
          for (const end of SIDECARS) {
            if (!present.includes(end)) rmSync(path + end, { force: true });
            else if (!existsSync(path + end)) writeFileSync(path + end, "");
          }
          const isCut = hadWal && !present.includes("-wal");
          const before = listing(place.home);
          expect(await read(path, join(place.root, "tmp"))).toEqual(isCut ? OF_THREE : OF_FOUR);
          expect(listing(place.home)).toEqual(before);
          expect(readdirSync(place.root).includes("tmp") ? readdirSync(join(place.root, "tmp")) : []).toEqual([]);
        } finally {
          await writer?.kill();
        }
      });
    }
});

const atRest = async (path: string): Promise<void> => {
  await closed(await startWriter(path, TABLE, ROWS, ONE_MORE));
  await sleep(30);
};

describe("a page", () => {
  const SUM = "SELECT sum(a) FROM t";

  test("is dropped when the file changed under a reader that takes it for immutable", async () => {
    using place = scratch();
    const path = join(place.home, "their.db");
    await atRest(path);
    const db = ForeignDatabase.open(path, undefined);
    expect(db.page((ask) => ask.values(SUM))).toEqual([[10]]);
    await closed(await startWriter(path, ONE_MORE));
    expect(() => db.page((ask) => ask.values(SUM))).toThrow("it changed while it was read; the next run tries again");
    db.close();
  });

  test("is dropped when a journal or a WAL appears", async () => {
    for (const end of ["-journal", "-wal"]) {
      using place = scratch();
      const path = join(place.home, "their.db");
      await atRest(path);
      const db = ForeignDatabase.open(path, undefined);
      writeFileSync(path + end, "");
      expect(() => db.page((ask) => ask.values(SUM))).toThrow("it changed");
      db.close();
    }
  });

  test("is dropped when another file stands at the path of a database in use", async () => {
    using place = scratch();
    const path = join(place.home, "their.db");
    const writer = await startWriter(path, wal, TABLE, ROWS);
    const db = ForeignDatabase.open(path, undefined);
    await writer.run(ONE_MORE);
    expect(db.page((ask) => ask.values(SUM))).toEqual([[10]]);
    renameSync(path, `${path}.old`);
    writeFileSync(path, "");
    expect(() => db.page((ask) => ask.values(SUM))).toThrow("it changed");
    db.close();
    await writer.kill();
  });

  test("sees one moment, whatever is committed between its questions", async () => {
    using place = scratch();
    const path = join(place.home, "their.db");
    const writer = await startWriter(path, wal, TABLE, ROWS);
    const db = ForeignDatabase.open(path, undefined);
    db.page((ask) => {
      expect(ask.values(SUM)).toEqual([[6]]);
      const other = Bun.spawnSync([
        process.execPath,
        "-e",
        `new (require("bun:sqlite").Database)(${JSON.stringify(path)}).run(${JSON.stringify(ONE_MORE)})`,
      ]);
      expect(other.exitCode).toBe(0);
      expect(ask.values(SUM)).toEqual([[6]]);
    });
    expect(db.page((ask) => ask.values(SUM))).toEqual([[10]]);
    db.close();
    await writer.close();
  });

  test("cannot write", async () => {
    using place = scratch();
    const path = join(place.home, "their.db");
    await killed(await startWriter(path, wal, TABLE, ROWS));
    rmSync(`${path}-shm`);
    await sleep(30);
    const db = ForeignDatabase.open(path, place.data);
    expect(() => db.page((ask) => ask.values("DELETE FROM t"))).toThrow("readonly");
    db.close();
  });
});

describe("what is no database of ordinary files", () => {
  test("is not opened: a file that ends inside a page", async () => {
    using place = scratch();
    const path = join(place.home, "their.db");
    await closed(await startWriter(path, wal, "PRAGMA user_version = 1"));
    writeFileSync(path, readFileSync(path).subarray(0, 2000));
    await sleep(30);
    expect(() => ForeignDatabase.open(path, place.data)).toThrow("damaged (it is cut short)");
  });

  test("is not opened: a link, a pipe, a pipe for a WAL", async () => {
    using place = scratch();
    const path = join(place.home, "their.db");
    await atRest(path);
    symlinkSync(path, join(place.home, "link.db"));
    Bun.spawnSync(["mkfifo", join(place.home, "pipe.db"), `${path}-wal`]);
    for (const name of ["link.db", "pipe.db", "their.db"])
      expect(() => ForeignDatabase.open(join(place.home, name), place.data)).toThrow("it is not a regular file");
  });

  test("a journal that leads out of the private copy is not followed", async () => {
    using place = scratch();
    const path = join(place.home, "their.db");
    await killed(await startWriter(path, TABLE, ROWS, "BEGIN", ONE_MORE, SPILL));
    const victim = join(place.home, "victim");
    writeFileSync(victim, "");
    const name = Buffer.from(victim);
    const tail = Buffer.alloc(4 + name.length + 16);
    const sum = [...name].reduce((a, b) => (a + b) >>> 0, 0);
    tail.writeUInt32BE(0xffffffff, 0);
    name.copy(tail, 4);
    tail.writeUInt32BE(name.length, 4 + name.length);
    tail.writeUInt32BE(sum, 8 + name.length);
    tail.set([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7], 12 + name.length);
    writeFileSync(`${path}-journal`, Buffer.concat([readFileSync(`${path}-journal`), tail]));
    await sleep(30);
    const before = listing(place.home);
    expect(() => ForeignDatabase.open(path, place.data)).toThrow("an unfinished transaction over several databases");
    expect(listing(place.home)).toEqual(before);
    expect(readdirSync(place.data)).toEqual([]);
  });

  test.if(process.platform === "linux")("nothing is open any more after closing", async () => {
    using place = scratch();
    const path = join(place.home, "their.db");
    const writer = await startWriter(path, wal, TABLE, ROWS);
    expect(await read(path, undefined)).toEqual(OF_THREE);
    const open = readdirSync("/proc/self/fd").map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return "";
      }
    });
    expect(open.filter((name) => name.startsWith(path))).toEqual([]);
    await writer.close();
    expect(readdirSync(place.home)).toEqual(["their.db"]);
  });
});
