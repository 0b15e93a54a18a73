/** Owns `weir verify`: the archive checked, what is wrong with it and what to do. */
import { verifyArchive } from "../archive/verify.ts";
import { yieldToEvents } from "../system/process.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";
import { bytes, escapeControls, jsonLine, plural } from "./text.ts";

export async function run(options: { readonly json: boolean }, io: Io): Promise<number> {
  let done = 0;
  const pause = async (): Promise<boolean> => {
    done++;
    io.log.progress(() => `checking segment ${done}`);
    await yieldToEvents();
    return io.stopSignal() !== undefined;
  };
  const result = await verifyArchive(io.dataDir, { pause });
  io.log.progressEnd();
  const signal = io.stopSignal();
  if (signal) return EXIT[signal];
  const damaged = result.findings.filter((finding) => finding.kind === "damaged");
  if (options.json) {
    const { findings, stateVersion, foreignSegments, ...counts } = result;
    const document = { schema: "weir.verify", version: 1, ok: damaged.length === 0, state_version: stateVersion };
    io.stdout.write(jsonLine({ ...document, foreign_segments: foreignSegments, ...counts, findings }));
    return damaged.length > 0 ? EXIT.damaged : EXIT.done;
  }
  for (const { path, what, todo, kind } of result.findings) {
    const hint = todo === undefined ? "" : `\n  ${escapeControls(todo)}`;
    io.stdout.write(`${kind}: ${escapeControls(`${path}: ${what}`)}${hint}\n`);
  }
  const segments = plural(result.segments + result.foreignSegments, "segment");
  const checked = `${segments}, ${plural(result.records, "record")}, ${bytes(result.bytes)}`;
  if (damaged.length > 0) {
    io.log.error(`the archive is damaged: ${plural(damaged.length, "finding")} in ${checked}`);
    return EXIT.damaged;
  }
  io.stdout.write(`ok: ${checked}, ${plural(result.checksums, "checksum")} right, state ${result.state}\n`);
  return EXIT.done;
}
