/** Owns what the system's errors on our own files become: errors that say what to do, never a source's. */
import { isBusy, isDamaged, isWriteFailure } from "../system/database.ts";
import { cannotWrite, WeirError } from "../system/errors.ts";
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
    throw cannotWrite(folder.path, error);
  }
}
