/** Owns `npm run docs`: the pages that are made from the tables in the sources. A test fails when one is stale. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentsPage, readmePage } from "./agents.ts";
import { configurationPage } from "./configuration.ts";
import { manualPage } from "./manual.ts";
import { noticesPage } from "./notices.ts";
import { recordsPage } from "./records.ts";

/** Every generated page by its name in this folder. */
export const pages: Readonly<Record<string, () => string | Promise<string>>> = {
  "agents.md": agentsPage,
  "configuration.md": configurationPage,
  "THIRD-PARTY-NOTICES.md": noticesPage,
  "records.md": recordsPage,
  "weir.1": manualPage,
  "../README.md": readmePage,
};

if (import.meta.main) {
  for (const [name, page] of Object.entries(pages)) writeFileSync(join(import.meta.dir, name), await page());
}
