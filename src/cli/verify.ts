/** Owns `weir verify`: the archive checked, what is wrong with it and what to do. */
import { verifyArchive } from "../archive/verify.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";
import { pauses } from "./pause.ts";
import { bytes, escapeControls, jsonLine, plural } from "./text.ts";

export async function run(options: { readonly json: boolean; readonly quiet: boolean }, io: Io): Promise<number> {
  let done = 0;
  const pause = pauses(io);
  const result = await verifyArchive(io.dataDir, {
    async pause() {
      done++;
      io.log.progress(() => `checking segment ${done}`);
      await pause();
    },
  });
  io.log.progressEnd();
  const damaged = result.findings.filter((finding) => finding.kind === "damaged");
  const unreadable = result.findings.filter((finding) => finding.kind === "unreadable");
  const code = damaged.length > 0 ? EXIT.damaged : unreadable.length > 0 ? EXIT.incomplete : EXIT.done;
  if (options.json) {
    const { findings, stateVersion, foreignSegments, ...counts } = result;
    const document = { schema: "weir.verify", version: 1, ok: code === EXIT.done, state_version: stateVersion };
    io.stdout.write(jsonLine({ ...document, foreign_segments: foreignSegments, ...counts, findings }));
    return code;
  }
  for (const { path, what, todo, kind } of result.findings) {
    if (kind === "note" && options.quiet) continue;
    const hint = todo === undefined ? "" : `\n  ${escapeControls(todo)}`;
    io.stdout.write(`${kind}: ${escapeControls(`${path}: ${what}`)}${hint}\n`);
  }
  const segments = plural(result.segments + result.foreignSegments, "segment");
  const checked = `${segments}, ${plural(result.records, "record")}, ${bytes(result.bytes)}`;
  if (damaged.length > 0) {
    io.log.error(`the archive is damaged: ${plural(damaged.length, "finding")} in ${checked}`);
    return code;
  }
  if (unreadable.length > 0) {
    io.log.error(`the archive cannot be checked: ${plural(unreadable.length, "file")} of it cannot be read`);
    return code;
  }
  // The segment that is being written has no checksum yet.
  const sums = result.checksums > 0 ? `, ${plural(result.checksums, "checksum")} right` : "";
  if (!options.quiet) io.stdout.write(`ok: ${checked}${sums}, state ${result.state}\n`);
  return code;
}
