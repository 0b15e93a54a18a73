/** Owns the other program of database tests: a process of its own that writes to a SQLite database on command. */
import { join } from "node:path";

export interface Writer {
  /** Runs SQL in the other process and waits until it is done. Throws what SQLite says there. */
  run(sql: string): Promise<void>;
  /** Closes the database, and opens another one where a path is given. */
  turnTo(path?: string): Promise<void>;
  /** Ends it as programs end: the database is closed. */
  close(): Promise<void>;
  /** Ends it at once, whatever it is doing. */
  kill(): Promise<void>;
}

/** Starts a process that opens (and creates) the database and runs the given SQL. */
export async function startWriter(path: string, ...sql: string[]): Promise<Writer> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "database-writer.ts"), path], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const answers = lines(child.stdout);
  const ask = async (command: string | readonly string[]): Promise<void> => {
    child.stdin.write(`${JSON.stringify(command)}\n`);
    child.stdin.flush();
    const answer = await answers.next();
    if (answer.done || answer.value !== "done") throw new Error(`the writer says: ${answer.value ?? "nothing"}`);
  };
  const writer: Writer = {
    run: ask,
    turnTo: (other) => ask(other === undefined ? [] : [other]),
    async close() {
      child.stdin.end();
      await child.exited;
    },
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
  for (const command of sql) await writer.run(command);
  return writer;
}

/** The lines of a stream as they come. */
export async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
