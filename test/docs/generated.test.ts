/** Proves that the generated pages are what their tables say now. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pages } from "../../docs/generate.ts";

const docs = join(import.meta.dir, "../../docs");

test.each(Object.entries(pages))("docs/%s is up to date; if not: npm run docs", async (name, page) => {
  const path = join(docs, name);
  expect(existsSync(path) ? readFileSync(path, "utf8") : "").toBe(await page());
});
