/** Owns the disposable folders of tests: a scratch home and data folder, and what a folder holds. */
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const fixtures = join(import.meta.dir, "../../fixtures/agents");

export interface Scratch extends Disposable {
  /** The folder that is removed at the end, with all below it. */
  readonly root: string;
  /** A home folder, empty at first. */
  readonly home: string;
  /** A data folder that does not exist yet. */
  readonly data: string;
  /** Copies what the agent left in its fixture home into `home`, times kept. */
  copyFixture(agent: string): void;
}

/** Makes a temporary folder: `using place = scratch();` removes it when the block ends. */
export function scratch(): Scratch {
  const root = mkdtempSync(join(tmpdir(), "weir-test-"));
  const home = join(root, "home");
  mkdirSync(home);
  return {
    root,
    home,
    data: join(root, "data"),
    copyFixture(agent) {
      cpSync(join(fixtures, agent, "home"), home, { recursive: true, preserveTimestamps: true });
    },
    [Symbol.dispose]() {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Everything below a folder as sorted lines: a file's size, mtime and content hash, a link's target, a folder's name. */
export function listing(root: string): string[] {
  const lines = readdirSync(root, { recursive: true, encoding: "utf8" }).map((name) => {
    const path = join(root, name);
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) return `${name} -> ${readlinkSync(path)}`;
    if (!stat.isFile()) return `${name}/`;
    return `${name} ${stat.size} ${stat.mtimeMs} ${Bun.CryptoHasher.hash("sha256", readFileSync(path), "hex")}`;
  });
  return lines.sort();
}
