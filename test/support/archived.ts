/** Owns an archive of 400 known calls, for tests of what becomes of it when its folder or its state is damaged. */
import { expect } from "bun:test";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { callLines, callNumbers, sessionPath } from "./claude.ts";
import { type Scratch, scratch } from "./home.ts";
import { exported, recordsIn, runSync } from "./runs.ts";

export const CALLS = 400;
export const ALL = Array.from({ length: CALLS }, (_, at) => at + 1);

/** A home of 400 calls in two sessions. */
export function withCalls(): Scratch {
  const place = scratch();
  place.write(sessionPath("s1"), callLines(1, 201, "s1"));
  place.write(sessionPath("s2"), callLines(201, 401, "s2"));
  return place;
}

/** The same, archived. */
export function synced(): Scratch {
  const place = withCalls();
  expect(runSync(place)).toMatchObject({ status: 0 });
  return place;
}

export const numbersOf = (place: Scratch): number[] => callNumbers(exported(place));
export const segmentsOf = ({ data }: Scratch): string[] => readdirSync(join(data, "archive")).sort();
export const stateOf = ({ data }: Scratch): string => join(data, "state.db");

export function loseState(place: Scratch): void {
  for (const end of ["", "-wal", "-shm"]) rmSync(stateOf(place) + end, { force: true });
}

/** Every line of every segment once, and each a whole record; for a state that may not be there. */
export function expectExact(place: Scratch): void {
  expect(numbersOf(place)).toEqual(ALL);
  const lines = segmentsOf(place).flatMap((name) =>
    recordsIn(readFileSync(join(place.data, "archive", name), "utf8")).map(({ id, rev }) => `${id} ${rev}`),
  );
  expect(new Set(lines).size).toBe(lines.length);
}
