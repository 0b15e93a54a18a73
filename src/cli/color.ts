/** Owns the decision whether a stream gets colour, and weir's few styles. It must not read the environment itself. */

export type ColorMode = "auto" | "always" | "never";

export interface ColorInput {
  readonly mode: ColorMode;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the stream in question: stdout and stderr are decided apart. */
  readonly isTTY: boolean;
}

/** Whether one stream gets colour: `--color`, then NO_COLOR, FORCE_COLOR, TERM=dumb, then whether it is a terminal. */
export function decideColor({ mode, env, isTTY }: ColorInput): boolean {
  if (mode !== "auto") return mode === "always";
  if (env.NO_COLOR) return false;
  const forced = env.FORCE_COLOR;
  if (forced) return forced !== "0" && forced !== "false";
  if (env.TERM === "dumb") return false;
  return isTTY;
}

export type Style = (text: string) => string;

export interface Paint {
  readonly bold: Style;
  readonly dim: Style;
  readonly red: Style;
  readonly yellow: Style;
  readonly green: Style;
}

const plain: Style = (text) => text;

function style(open: number, close: number): Style {
  return (text) => (text === "" ? "" : `\x1b[${open}m${text}\x1b[${close}m`);
}

const styles: Paint = {
  bold: style(1, 22),
  dim: style(2, 22),
  red: style(31, 39),
  yellow: style(33, 39),
  green: style(32, 39),
};
const noStyles: Paint = { bold: plain, dim: plain, red: plain, yellow: plain, green: plain };

/** The styles of one stream: escape codes when `enabled`, else every style returns its text unchanged. */
export function paint(enabled: boolean): Paint {
  return enabled ? styles : noStyles;
}
