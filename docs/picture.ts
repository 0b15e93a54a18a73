/** Owns the README's picture of a terminal: what weir says of the fixtures of some agents. Run it by `npm run picture`. */
import { cpSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const AGENTS = ["claude-code", "codex", "copilot-vscode", "opencode"];
const COLUMNS = 104;
const LINES = 32;
const CHARACTER = 8.4;
const LINE = 19;
const MARGIN = 18;

const work = mkdtempSync(join(tmpdir(), "weir-picture-"));
const [home, data] = [join(work, "home"), join(work, "data")];

function weir(...args: string[]): string[] {
  const where = ["--data-dir", data, ...(args[0] === "export" ? [] : ["--home", home])];
  const env = { PATH: process.env.PATH ?? "", HOME: join(work, "nobody"), TZ: "UTC" };
  const { stdout, stderr, exitCode } = Bun.spawnSync([join(root, "dist/weir"), ...args, ...where], {
    env,
    stderr: "pipe",
  });
  if (exitCode !== 0) throw new Error(`weir ${args[0]} exited ${exitCode}: ${stderr}`);
  // Where the archive lies, and for how long this machine worked, is nobody's business.
  const said = `${stdout}${stderr}`.replaceAll(data, "~/.local/share/weir").replace(/ in \d+\.\d s\)/, ")");
  return [`$ weir ${args.join(" ")}`, ...said.trimEnd().split("\n"), ""];
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function picture(lines: readonly string[]): string {
  const [width, height] = [COLUMNS * CHARACTER + 2 * MARGIN, lines.length * LINE + 2 * MARGIN];
  const rows = lines.map((line, at) => {
    const look = line.startsWith("$ ") ? ' fill="#8bd49c" font-weight="bold"' : "";
    return `<text x="${MARGIN}" y="${MARGIN + (at + 0.75) * LINE}"${look} xml:space="preserve">${escaped(line.slice(0, COLUMNS))}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"
  font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#d6dae0">
<title>weir scan, sync and export in a terminal</title>
<rect width="100%" height="100%" rx="8" fill="#1d2127"/>
${rows.join("\n")}
</svg>
`;
}

try {
  for (const agent of AGENTS) cpSync(join(root, "fixtures/agents", agent, "home"), home, { recursive: true });
  const day = new Date("2026-11-21T06:00:00Z");
  for (const path of new Bun.Glob("**/*").scanSync({ cwd: home, dot: true })) utimesSync(join(home, path), day, day);
  const scan = weir("scan").filter((line) => !/^[A-Z].* deletes |^ {2}\S/.test(line));
  const sync = weir("sync");
  const tree = weir("export", "--format", "text", "--agent", "copilot-vscode");
  const lines = [...scan, ...sync, ...tree].slice(0, LINES);
  writeFileSync(join(import.meta.dir, "terminal.svg"), picture(lines));
} finally {
  rmSync(work, { recursive: true, force: true });
}
