/** Owns amounts with units: sizes in bytes, ages in days, durations in milliseconds; text in, number out, and back. */

export type Amount = "size" | "age" | "duration";

type Units = Readonly<Record<string, number>>;

/** What an age of one day is in milliseconds. */
export const DAY_MS = 86_400_000;

const HOUR = 1 / 24;

/** In lower case. Each one is so many bytes, days or milliseconds. */
const UNITS: Readonly<Record<Amount, Units>> = {
  size: {
    b: 1,
    kb: 1e3,
    mb: 1e6,
    gb: 1e9,
    tb: 1e12,
    kib: 2 ** 10,
    mib: 2 ** 20,
    gib: 2 ** 30,
    tib: 2 ** 40,
  },
  age: { m: HOUR / 60, h: HOUR, d: 1, w: 7 },
  duration: { ms: 1, s: 1000, m: 60_000, h: 3_600_000 },
};

/** How units are written; where none of them makes a whole number, an amount is shown in the last. */
const WRITTEN: Readonly<Record<Amount, readonly string[]>> = {
  size: ["TiB", "GiB", "MiB", "KiB", "TB", "GB", "MB", "kB", "B"],
  age: ["d", "h", "m"],
  duration: ["h", "m", "s", "ms"],
};

const EXAMPLES: Readonly<Record<Amount, string>> = {
  size: "write 100MB or 5MiB",
  age: "write 30d, 12h or 2w",
  duration: "write 15s or 2m",
};

/**
 * An amount as text (`5MiB`, `30d`) or as a number, in the unit of its kind; or what is wrong with it. A number without
 * a unit is understood only where `bare` says that the unit stands elsewhere; zero needs none.
 */
export function amountIn(given: string | number, kind: Amount, bare: boolean): number | { readonly problem: string } {
  const text = String(given).trim();
  const [, sign, digits, unit = ""] = /^([+-]?)(\d+(?:\.\d+)?)\s*([a-zA-Z]*)$/.exec(text) ?? [];
  if (digits === undefined) return { problem: `is no ${kind}: ${EXAMPLES[kind]}` };
  if (sign === "-") return { problem: "must not be negative" };
  const number = Number(digits);
  const factor = unit === "" ? (bare || number === 0 ? 1 : undefined) : UNITS[kind][unit.toLowerCase()];
  if (factor === undefined)
    return {
      problem:
        unit === ""
          ? `needs a unit: ${EXAMPLES[kind]}`
          : `has no unit of a${kind === "age" ? "n" : ""} ${kind}: ${EXAMPLES[kind]}`,
    };
  const amount = kind === "age" ? number * factor : Math.floor(number * factor);
  if (kind !== "age" && unit === "" && !Number.isInteger(number)) return { problem: "must be a whole number" };
  return amount <= Number.MAX_SAFE_INTEGER ? amount : { problem: "is too large" };
}

/** The amount in the unit that makes of it the smallest whole number: `5MiB`, `512MB`, `36h`; it reads back as the same. */
export function textOf(kind: Amount, amount: number): string {
  if (amount === 0) return "0";
  let least = Number.POSITIVE_INFINITY;
  let text = `${amount}${WRITTEN[kind].at(-1)}`;
  for (const unit of WRITTEN[kind]) {
    const number = amount / (UNITS[kind][unit.toLowerCase()] ?? 1);
    const whole = Math.round(number);
    // Ages are days with a fraction; sizes and durations are whole.
    const isWhole = kind === "age" ? Math.abs(number - whole) < 1e-9 * whole : number === whole;
    if (whole > 0 && isWhole && whole < least) [least, text] = [whole, `${whole}${unit}`];
  }
  return text;
}
