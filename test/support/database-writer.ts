/** The program that `startWriter` starts: runs each line of its input, a JSON text of SQL, and answers "done". */
import { Database } from "bun:sqlite";

const db = new Database(process.argv[2]!, { create: true, readwrite: true });
let rest = "";
for await (const chunk of Bun.stdin.stream()) {
  const parts = (rest + new TextDecoder().decode(chunk)).split("\n");
  rest = parts.pop() ?? "";
  for (const part of parts) {
    try {
      db.run(JSON.parse(part) as string);
      process.stdout.write("done\n");
    } catch (error) {
      process.stdout.write(`${(error as Error).message}\n`);
    }
  }
}
db.close();
