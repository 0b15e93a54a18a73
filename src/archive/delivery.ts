/** Owns what each destination has had: batches fixed before they are first sent, and the keys of all that was accepted. */
import { type Database, openOwnDatabase, orClosed } from "../system/database.ts";
import { WeirError } from "../system/errors.ts";
import { lstatIfPresent, sys } from "../system/system.ts";
import { explaining } from "./explaining.ts";
import { type DataFolder, dataFolder, prepareFolder } from "./folder.ts";
import { KeySet } from "./keys.ts";
import { releaseLock, takeLock } from "./lock.ts";
import { FIRST_TEXTS, getMeta, openState, overwriteDeleted, STATE_VERSION } from "./state.ts";

/** Small parts of a destination's keys are joined when there are this many. */
const PARTS = 64;
const WAIT_MS = 10_000;

/** A request as it is sent, byte for byte, until it is answered for good. */
export interface Batch {
  readonly id: number;
  readonly signal: string;
  /** How the body is written: protocol and compression. */
  readonly form: string;
  /** It was made with texts, which only a run that is asked for them may send. */
  readonly content: boolean;
  readonly body: Uint8Array;
  /** One for each item in the body, in its order: what the destination is remembered to have had. */
  readonly keys: Float64Array;
  /** In the same order what an item is also known by; 0 where that is nothing. */
  readonly others: Float64Array;
}

export type NewBatch = Omit<Batch, "id">;

/** A batch that waits no more: the destination has it, or its items wait in others, or to be encoded again. */
export interface Ended {
  readonly batch: Batch;
  readonly isSent: boolean;
}

/**
 * The signals of the archive's registered destinations, as `destination (signal)`, each with the number of the last segment
 * that it has had. A state of before signals were told apart, which a dry run reads as it is, knows one number for all.
 */
export function deliveredSegments(db: Database): Map<string, number> {
  const has = (table: string, column: string): boolean =>
    db.query("SELECT 1 FROM pragma_table_info(?) WHERE name = ?").get(table, column) !== null;
  const bySignal =
    "SELECT origin || ' (' || signal || ')', through FROM export_through JOIN export ON id = destination";
  const byOrigin = "SELECT origin, through FROM export WHERE registered = 1";
  if (has("export_through", "through")) return new Map(db.query(bySignal).values() as [string, number][]);
  return new Map(has("export", "registered") ? (db.query(byOrigin).values() as [string, number][]) : []);
}

interface Parts {
  last: number;
  count: number;
}

/** One destination's progress, held by one process at a time. */
export class Delivery {
  /** Only of signals that were asked about. */
  readonly #sent = new Map<string, KeySet>();
  readonly #parts = new Map<string, Parts>();

  private constructor(
    private readonly db: Database,
    private readonly folder: DataFolder,
    private readonly lock: string,
    private readonly destination: number,
  ) {}

  /**
   * Takes the destination's lock and opens the state; throws `locked`, also as soon as `stopped` ends the waiting for
   * another process, `write`, `damaged` or `refused`.
   */
  static async open(path: string, name: string, origin: string, stopped?: () => boolean): Promise<Delivery> {
    const folder = dataFolder(path);
    explaining(folder, () => prepareFolder(folder));
    const lock = `${folder.path}/export-${name.slice(0, 16)}.lock`;
    if (!(await takeLock(lock, WAIT_MS, stopped)))
      throw new WeirError("locked", `another weir is sending to ${origin}`, "nothing was done; run it again later");
    try {
      await upgrade(folder, stopped);
      return explaining(folder, () => {
        const db = openOwnDatabase(folder.state, 10_000);
        return orClosed(db, () => {
          if (getMeta(db, FIRST_TEXTS) !== undefined) overwriteDeleted(db);
          return new Delivery(db, folder, lock, idOf(db, name, origin));
        });
      });
    } catch (error) {
      releaseLock(lock);
      throw error;
    }
  }

  /** Asks the state, or changes it; what goes wrong is an error of the archive. */
  #asked<T>(question: (db: Database) => T): T {
    return explaining(this.folder, () => question(this.db));
  }

  /** The batches that were fixed and not answered for good, in the order of their fixing. */
  waiting(): Batch[] {
    const query =
      "SELECT id, signal, form, content, body, keys, others FROM export_batch WHERE destination = ? ORDER BY id";
    const rows = this.#asked((db) => db.query(query).all(this.destination)) as (Omit<
      Batch,
      "content" | "keys" | "others"
    > & {
      readonly content: number;
      readonly keys: Uint8Array;
      readonly others: Uint8Array;
    })[];
    return rows.map(({ content, keys, others, ...row }) => ({
      ...row,
      content: content !== 0,
      keys: numbersIn(keys),
      others: numbersIn(others),
    }));
  }

  /** True for what the destination has had, or has been refused. */
  has(signal: string, key: number): boolean {
    return this.#sentOf(signal).has(key);
  }

  /** Ends the waiting of some batches and fixes others in their place; all or nothing. */
  move(ended: readonly Ended[], fixed: readonly NewBatch[]): Batch[] {
    return this.#asked((db) => {
      sys.step("export: begin");
      const move = db.transaction(() => {
        this.#end(ended);
        return fixed.map((batch) => this.#fix(batch));
      });
      const batches = move.immediate();
      sys.step("export: done");
      return batches;
    });
  }

  /** Forgets what the destination has had of a signal. */
  forget(signal: string): void {
    this.#asked((db) =>
      db.query("DELETE FROM export_sent WHERE destination = ? AND signal = ?").run(this.destination, signal),
    );
    this.#sent.delete(signal);
    this.#parts.delete(signal);
  }

  #fix(batch: NewBatch): Batch {
    const insert =
      "INSERT INTO export_batch (destination, signal, form, content, body, keys, others) VALUES (?, ?, ?, ?, ?, ?, ?)";
    const { signal, form, content, body, keys, others } = batch;
    const { lastInsertRowid } = this.db
      .query(insert)
      .run(this.destination, signal, form, content ? 1 : 0, body, bytesOf(keys), bytesOf(others));
    return { ...batch, id: Number(lastInsertRowid) };
  }

  #end(ended: readonly Ended[]): void {
    const signals = Map.groupBy(
      ended.filter(({ isSent }) => isSent),
      ({ batch }) => batch.signal,
    );
    for (const { batch } of ended) this.db.query("DELETE FROM export_batch WHERE id = ?").run(batch.id);
    for (const [signal, own] of signals)
      this.#note(
        signal,
        own.flatMap(({ batch }) => [batch.keys, batch.others.filter((key) => key !== 0)]),
      );
  }

  /** Notes keys that the destination has had; those that it had before may come again. */
  #note(signal: string, keys: readonly Float64Array[]): void {
    const known = this.#sent.get(signal);
    if (known) for (const some of keys) for (const key of some) known.add(key);
    const parts = this.#partsOf(signal);
    const insert = this.db.query("INSERT INTO export_sent (destination, signal, seq, keys) VALUES (?, ?, ?, ?)");
    insert.run(this.destination, signal, ++parts.last, Buffer.concat(keys.map(bytesOf)));
    if (++parts.count <= PARTS) return;
    const all = bytesOf(distinct(this.#storedKeys(signal)));
    this.db.query("DELETE FROM export_sent WHERE destination = ? AND signal = ?").run(this.destination, signal);
    insert.run(this.destination, signal, ++parts.last, all);
    parts.count = 1;
  }

  /** How many parts a signal's keys are stored in, and the number of the last; counted once. */
  #partsOf(signal: string): Parts {
    let parts = this.#parts.get(signal);
    if (!parts) {
      const query =
        "SELECT coalesce(max(seq), 0) AS last, count(*) AS count FROM export_sent WHERE destination = ? AND signal = ?";
      parts = this.db.query(query).get(this.destination, signal) as Parts;
      this.#parts.set(signal, parts);
    }
    return parts;
  }

  #storedKeys(signal: string): Float64Array[] {
    const query = "SELECT keys FROM export_sent WHERE destination = ? AND signal = ? ORDER BY seq";
    const rows = this.#asked((db) => db.query(query).values(this.destination, signal)) as [Uint8Array][];
    return rows.map(([keys]) => numbersIn(keys));
  }

  #sentOf(signal: string): KeySet {
    let sent = this.#sent.get(signal);
    if (!sent) {
      sent = new KeySet();
      this.#sent.set(signal, sent);
      for (const keys of this.#storedKeys(signal)) for (const key of keys) sent.add(key);
    }
    return sent;
  }

  /**
   * Notes that the destination has had these signals of these segments up to the bytes that were read of each, all but
   * those named in `lacking`, and that retention must keep the others until it has had them too. One that grew meanwhile
   * is one of them. Metrics are sums of what is there, and need no segment again.
   */
  register(signals: readonly string[], read: ReadonlyMap<string, number>, lacking: ReadonlySet<string>): void {
    const query = "SELECT seq, name, bytes, sealed FROM segment WHERE pruned = 0 ORDER BY seq";
    const note =
      "INSERT INTO export_through VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET through = max(through, excluded.through)";
    this.#asked((db) => {
      const rows = db.query(query).all() as { seq: number; name: string; bytes: number; sealed: number }[];
      let through = 0;
      for (const { seq, name, bytes, sealed } of rows) {
        if (sealed === 0 || read.get(name) !== bytes || lacking.has(name)) break;
        through = seq;
      }
      for (const signal of signals) if (signal !== "metrics") db.query(note).run(this.destination, signal, through);
    });
  }

  close(): void {
    try {
      this.db.close();
    } finally {
      releaseLock(this.lock);
    }
  }
}

/** A destination's number; a new one is registered. */
function idOf(db: Database, name: string, origin: string): number {
  db.run("PRAGMA synchronous = FULL");
  const found = db.query("SELECT id FROM export WHERE name = ?").get(name) as { id: number } | null;
  const insert = "INSERT INTO export (name, origin, begun) VALUES (?, ?, ?)";
  return found?.id ?? Number(db.query(insert).run(name, origin, sys.now()).lastInsertRowid);
}

/** Brings the state to this version, which only a writer may do. */
async function upgrade(folder: DataFolder, stopped?: () => boolean): Promise<void> {
  if (explaining(folder, () => versionOf(folder)) === STATE_VERSION) return;
  if (!(await takeLock(folder.lock, WAIT_MS, stopped)))
    throw new WeirError("locked", `another weir is at work in ${folder.path}`, "nothing was sent; run it again later");
  try {
    explaining(folder, () => openState(folder.state).close());
  } finally {
    releaseLock(folder.lock);
  }
}

function versionOf({ state }: DataFolder): number {
  if (!lstatIfPresent(state)?.size) return -1;
  using db = openOwnDatabase(state, 10_000);
  return (db.query("PRAGMA user_version").get() as { user_version: number }).user_version;
}

function bytesOf(keys: Float64Array): Uint8Array {
  return new Uint8Array(keys.buffer, keys.byteOffset, keys.byteLength);
}

/** Blobs need not lie where eight-byte numbers may be read. */
function numbersIn(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer);
}

/** All of these keys, each once. */
function distinct(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  const seen = new KeySet();
  for (const part of parts)
    for (let at = 0; at < part.length; at++) {
      const key = part[at] as number;
      if (seen.add(key)) all[seen.size - 1] = key;
    }
  return all.slice(0, seen.size);
}
