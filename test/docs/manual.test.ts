/** Proves that the manual page is formatted without a complaint and tells every command and option. */
import { expect, test } from "bun:test";
import { manualPage } from "../../docs/manual.ts";
import { commands } from "../../src/cli/commands.ts";

test("the manual page names every command, option and example", () => {
  const page = manualPage().replaceAll("\\-", "-").replaceAll("\\e", "\\").replaceAll("\\&", "");
  for (const { name, args, examples } of commands) {
    expect(page).toContain(`.SS weir ${name}`);
    for (const option of Object.keys(args)) expect(page).toMatch(new RegExp(`--(no-)?${option}\\b`));
    for (const { line } of examples) expect(page).toContain(line);
  }
});

test.skipIf(!Bun.which("groff"))("the formatter takes it without a warning", () => {
  const command = ["groff", "-man", "-Tutf8", "-ww", "-Kutf8"];
  const run = Bun.spawnSync(command, { stdin: Buffer.from(manualPage()), stderr: "pipe" });
  expect([run.exitCode, run.stderr.toString()]).toEqual([0, ""]);
});
