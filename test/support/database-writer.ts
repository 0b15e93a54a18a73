/**
 * Owns the program that `startWriter` starts: it runs each line of its input, a JSON text of SQL, and answers "done"; a line that
 * is a list holds the path of the database to go on with, or none.
 */
import { Database } from "bun:sqlite";

let db = new Database(process.argv[2]!, { create: true, readwrite: true });
let rest = "";
for await (const chunk of Bun.stdin.stream()) {
  const parts = (rest + new TextDecoder().decode(chunk)).split("\n");
  rest = parts.pop() ?? "";
  for (const part of parts) {
    try {
      const command = JSON.parse(part) as string | [path?: string];
      if (typeof command === "string") db.run(command);
      else {
        db.close();
        db = new Database(command[0] ?? ":memory:", { create: true, readwrite: true });
      }
      process.stdout.write("done\n");
    } catch (error) {
      process.stdout.write(`${(error as Error).message}\n`);
    }
  }
}
db.close();
