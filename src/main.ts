/** Owns the entry: the version alone is told at once, for everything else the program is loaded. */
import { only, tell } from "./system/start.ts";
import { version } from "./system/version.ts";

const told = (only("--version") || only("-V")) && (await tell(`weir ${version}\n`));
if (!told) await (await import("./cli/main.ts")).run();
