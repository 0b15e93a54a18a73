/** Owns what the system's errors on our own files become: errors that say what to do, never a source's. */
import { isBusy, isDamaged, isWriteFailure } from "../system/database.ts";
import { systemReason, WeirError } from "../system/errors.ts";
import type { DataFolder } from "./folder.ts";
import { isWriteError } from "./segment.ts";
import { damagedState } from "./state.ts";

/** Runs a step on our own files; what goes wrong in it is a WeirError or ends the run: it is no source's error. */
export function explaining<T>(folder: DataFolder, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof WeirError) throw error;
    if (isDamaged(error)) throw damagedState(folder.state, error);
    if (!(isWriteError(error) || isWriteFailure(error) || isBusy(error)))
      throw new Error((error as Error).message, { cause: error });
    throw cannotWrite(folder, error);
  }
}

/** The error of a data folder that takes nothing more. */
function cannotWrite(folder: DataFolder, cause: unknown): WeirError {
  return new WeirError(
    "write",
    `cannot write to ${folder.path}: ${systemReason(cause)}`,
    "what was archived before is safe; make room or fix the folder's rights, then run the same command again",
    { cause },
  );
}
