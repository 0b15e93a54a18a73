/** Owns the data folder: what lies where in it, and that it is ours and nobody else's. */

import { WeirError } from "../system/errors.ts";
import { userId } from "../system/process.ts";
import { errorCode, ifPresent, type Stat, sys } from "../system/system.ts";

export interface DataFolder {
  readonly path: string;
  readonly archive: string;
  readonly state: string;
  readonly lock: string;
  /** How many commits there have been. */
  readonly witness: string;
  /** Private copies of other programs' databases, while they are read. */
  readonly temporary: string;
}

export function dataFolder(path: string): DataFolder {
  return {
    path,
    archive: `${path}/archive`,
    state: `${path}/state.db`,
    lock: `${path}/writer.lock`,
    witness: `${path}/commits`,
    temporary: `${path}/tmp`,
  };
}

/**
 * Makes the data folder and its archive folder (0700) where they are missing, and takes group and others their rights
 * where they have any. Throws `write` when it cannot be made, `refused` when it belongs to somebody else or when a link
 * stands where weir's own files belong.
 */
export function prepareFolder(folder: DataFolder): void {
  for (const path of [folder.path, folder.archive]) {
    try {
      sys.mkdir(path, 0o700);
    } catch (error) {
      throw new WeirError("write", `cannot make the data folder ${path}: ${(error as Error).message}`, undefined, {
        cause: error,
      });
    }
  }
  const root = sys.stat(folder.path);
  if (root.kind !== "directory") throw new WeirError("refused", `${folder.path} is not a folder`);
  ownOnly(folder.path, root);
  const { archive, state, lock, witness, temporary } = folder;
  for (const path of [archive, state, lock, witness, temporary, `${state}-wal`, `${state}-shm`]) {
    const stat = ifPresent(() => sys.lstat(path));
    if (stat?.kind === "link") throw new WeirError("refused", `${path} is a link; weir does not follow links there`);
    if (stat) ownOnly(path, stat);
  }
}

function ownOnly(path: string, stat: Stat): void {
  const user = userId();
  if (user === undefined) return;
  if (stat.uid !== user) {
    const hint = "use another --data-dir, or run weir as its owner";
    throw new WeirError("refused", `${path} belongs to user ${stat.uid}, not to this one (${user})`, hint);
  }
  if ((stat.mode & 0o077) === 0) return;
  try {
    sys.chmod(path, stat.mode & 0o700);
  } catch (error) {
    throw new WeirError("refused", `${path} is open to other users (${errorCode(error) ?? "unknown"})`);
  }
}
