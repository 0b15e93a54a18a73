/** Owns the data folder: what lies where in it, and that it is ours and nobody else's. */

import { systemReason, WeirError } from "../system/errors.ts";
import { userId } from "../system/process.ts";
import { errorCode, lstatIfPresent, type Stat, sys } from "../system/system.ts";

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

/** The error for a folder without an archive. */
export function noArchive(path: string): WeirError {
  return new WeirError("failed", `there is no archive in ${path}`, "run weir sync first, or name it with --data-dir");
}

/** The error for a link where a file or folder of weir's own belongs. */
export function linked(path: string): WeirError {
  return new WeirError("refused", `${path} is a link; weir does not follow links there`);
}

/**
 * Makes the data folder and its archive folder (0700) where they are missing, and takes group and others their rights
 * where they have any. Throws `write` when it cannot be made, `usage` when others may see what else lies in it, `refused`
 * when it belongs to somebody else or when a link stands where weir's own files belong.
 */
export function prepareFolder(folder: DataFolder): void {
  makeFolder(folder.path);
  const root = sys.stat(folder.path);
  if (root.kind !== "directory") throw new WeirError("refused", `${folder.path} is not a folder`);
  refuseShared(folder, root);
  ownOnly(folder.path, root);
  makeFolder(folder.archive);
  const { archive, state, lock, witness, temporary } = folder;
  for (const path of [archive, state, lock, witness, temporary, `${state}-wal`, `${state}-shm`]) {
    const stat = lstatIfPresent(path);
    if (stat?.kind === "link") throw linked(path);
    if (stat) ownOnly(path, stat);
  }
}

function makeFolder(path: string): void {
  try {
    sys.mkdir(path, 0o700);
  } catch (cause) {
    const reason = errorCode(cause) === "EEXIST" ? "there is a file of that name" : systemReason(cause);
    const hint = "name a folder that can be written with --data-dir";
    throw new WeirError("write", `cannot make the data folder ${path}: ${reason}`, hint, { cause });
  }
}

/** A folder with other things in it, a home or `/tmp`, must not be closed to those who use them. */
function refuseShared(folder: DataFolder, root: Stat): void {
  if (userId() !== root.uid || (root.mode & 0o077) === 0) return;
  const names = sys.names(folder.path).map((name) => `${folder.path}/${name}`);
  const own = [folder.archive, folder.state, folder.lock, folder.witness];
  if (names.length === 0 || names.some((name) => own.includes(name))) return;
  throw new WeirError(
    "usage",
    `${folder.path} holds other things and no archive; weir would close it to everybody else`,
    `name a folder of its own, for example --data-dir ${folder.path.replace(/\/$/, "")}/weir`,
  );
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
    throw new WeirError(
      "refused",
      `${path} is open to other users, and its rights cannot be changed: ${systemReason(error)}`,
    );
  }
}
