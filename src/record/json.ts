/** Owns looking into JSON of unknown shape: every answer is of the type asked for, or undefined. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function object(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text that is not empty. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A finite number. */
export function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** The objects of a line on which an interrupted writer left more than one; undefined when it is not that. */
export function gluedObjects(line: string): JsonObject[] | undefined {
  const objects: JsonObject[] = [];
  let rest = "";
  for (const piece of line.split(/(?<=\})(?=\{")/)) {
    rest += piece;
    const whole = parsed(rest);
    if (whole === undefined) continue;
    objects.push(whole);
    rest = "";
  }
  return rest === "" && objects.length > 1 ? objects : undefined;
}

function parsed(json: string): JsonObject | undefined {
  try {
    return object(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** What is kept under an id that came from outside: a name that every object has is an id like any other. */
export function under<T>(kept: Readonly<Record<string, T>>, id: string): T | undefined {
  return Object.hasOwn(kept, id) ? kept[id] : undefined;
}
