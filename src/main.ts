/** Owns the entry: the version alone is told at once, for everything else the program is loaded. */
import { version } from "./cli/version.ts";
import { only, tell } from "./system/start.ts";

const told = (only("--version") || only("-V")) && (await tell(`weir ${version}\n`));
if (!told) await (await import("./cli/main.ts")).run();
