/** Owns the disposable folders of tests: a scratch home and data folder, and what a folder holds. */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const fixtures = join(import.meta.dir, "../../fixtures/agents");
const MEMORY = "/dev/shm";

export interface Scratch extends Disposable {
  /** The folder that is removed at the end, with all below it; its real path. */
  readonly root: string;
  /** A home folder, empty at first. */
  readonly home: string;
  /** A data folder that does not exist yet. */
  readonly data: string;
  /** Copies what the agent left in its fixture home into `home`, times kept. */
  copyFixture(agent: string): void;
  /** Copies another home into `home`, times kept. */
  copyHome(from: string): void;
  /** Writes a file below `home`: in place where it is there already. Returns its absolute path. */
  write(path: string, content: string | Uint8Array): string;
  /** Puts a new file in the place of one below `home`, as programs do that write beside and rename. */
  replace(path: string, content: string | Uint8Array): string;
}

export interface ScratchOptions {
  /** In memory where the machine has such a folder, for tests of many syncs that are not about the disk. */
  readonly fast?: boolean;
}

/** Makes a temporary folder: `using place = scratch();` removes it when the block ends. */
export function scratch({ fast = false }: ScratchOptions = {}): Scratch {
  const root = realpathSync(mkdtempSync(join(fast && existsSync(MEMORY) ? MEMORY : tmpdir(), "weir-test-")));
  const home = join(root, "home");
  mkdirSync(home);
  const put = (path: string, content: string | Uint8Array): string => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  };
  const copyHome = (from: string): void => cpSync(from, home, { recursive: true, preserveTimestamps: true });
  return {
    root,
    home,
    data: join(root, "data"),
    copyFixture: (agent) => copyHome(join(fixtures, agent, "home")),
    copyHome,
    write: (path, content) => put(join(home, path), content),
    replace(path, content) {
      renameSync(put(join(root, "new"), content), join(home, path));
      return join(home, path);
    },
    [Symbol.dispose]() {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Every name below a folder, with its path; links are named and not followed. */
function below(root: string, folder = ""): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = join(folder, entry.name);
    return entry.isDirectory() ? [name, ...below(root, name)] : [name];
  });
}

/** Everything below a folder as sorted lines: a file's size, mtime and content hash, a link's target, a folder's name. */
export function listing(root: string): string[] {
  const lines = below(root).map((name) => {
    const path = join(root, name);
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) return `${name} -> ${readlinkSync(path)}`;
    if (!stat.isFile()) return `${name}/`;
    return `${name} ${stat.size} ${stat.mtimeMs} ${Bun.CryptoHasher.hash("sha256", readFileSync(path), "hex")}`;
  });
  return lines.sort();
}

/** The bytes of all files below a folder, one after the other. */
export function bytesBelow(root: string): Buffer {
  const files = below(root).map((name) => join(root, name));
  return Buffer.concat(files.filter((path) => lstatSync(path).isFile()).map((path) => readFileSync(path)));
}
