/** Owns how commands and their arguments are declared: the tables that parsing, help and completions are made from. */
import { WeirError } from "../system/errors.ts";
import type { ColorMode } from "./color.ts";

interface Described {
  readonly description: string;
  /** One letter, without its dash. */
  readonly alias?: string;
  /** Shown by help instead of `default`, where the value comes from elsewhere (the configuration). */
  readonly defaultText?: string;
}

export interface BooleanArg extends Described {
  readonly type: "boolean";
  /**
   * `--no-NAME` is accepted too; without a default the value is then undefined until one of them is given. Where the
   * default is true, help lists `--no-NAME`, so the description tells what that does.
   */
  readonly negatable?: boolean;
  readonly default?: boolean;
}

interface Valued extends Described {
  /** Collects into an array: `true` also splits at commas, `"whole"` does not (paths may hold commas). */
  readonly repeatable?: boolean | "whole";
  readonly default?: string;
  /** What help shows in place of the value: `DIR`. */
  readonly valueHint?: string;
}

export interface StringArg extends Valued {
  readonly type: "string";
  /** What its values are names of, for completion. */
  readonly names?: "agents" | "streams" | "operations";
}

export interface EnumArg extends Valued {
  readonly type: "enum";
  readonly options: readonly string[];
}

export type ArgSpec = BooleanArg | StringArg | EnumArg;
/** Arguments by their kebab-case name. */
export type ArgTable = Readonly<Record<string, ArgSpec>>;

/** The one argument without a dash that a command may take; its value stands among the others under its name. */
export interface Positional {
  readonly name: string;
  readonly description: string;
  readonly options?: readonly string[];
  readonly required?: boolean;
}

export interface Example {
  readonly line: string;
  readonly does: string;
}

/** What a lazily loaded command module exports. */
export interface CommandModule<Io = unknown> {
  run(options: ParsedArgs, io: Io): Promise<number>;
}

export interface Command<Io = unknown> {
  readonly name: string;
  readonly summary: string;
  readonly args: ArgTable;
  readonly examples: readonly Example[];
  readonly positional?: Positional;
  /** It needs no setting, so that it works with a configuration that is wrong. */
  readonly ignoresConfiguration?: boolean;
  readonly load: () => Promise<CommandModule<Io>>;
}

export type ArgValue = boolean | string | readonly string[] | undefined;
/** Every declared name and no other; null prototype. Not given: false, the default, an empty array, or undefined. */
export type ParsedArgs = Readonly<Record<string, ArgValue>>;

type Text<A> = A extends { readonly options: readonly (infer Option)[] } ? Option : string;
type ValueOf<A extends ArgSpec> = A extends BooleanArg
  ? A extends { readonly negatable: true }
    ? A extends { readonly default: boolean }
      ? boolean
      : boolean | undefined
    : boolean
  : A extends { readonly repeatable: true | "whole" }
    ? readonly Text<A>[]
    : A extends { readonly default: string }
      ? Text<A>
      : Text<A> | undefined;

/** The type of what `parseArguments` returns for a table declared `as const satisfies ArgTable`. */
export type ArgsOf<T extends ArgTable> = { readonly [Name in keyof T]: ValueOf<T[Name]> };
/** The same with the options that every command takes. */
export type OptionsOf<T extends ArgTable> = ArgsOf<T> & ArgsOf<typeof globalArgs>;

export type Parsed<C extends Command = Command> =
  | { readonly kind: "help"; readonly command?: C; readonly color?: ColorMode }
  | { readonly kind: "version" }
  /** No command, and no question either. */
  | { readonly kind: "nothing" }
  | { readonly kind: "run"; readonly command: C; readonly args: ParsedArgs };

/** The options of every command; also accepted before its name. */
export const globalArgs = {
  home: {
    type: "string",
    repeatable: "whole",
    valueHint: "DIR",
    description: "look for agents under this home folder",
  },
  "data-dir": { type: "string", valueHint: "DIR", description: "where the archive and its state are kept" },
  config: { type: "string", valueHint: "FILE", description: "read the configuration from this file" },
  json: {
    type: "boolean",
    description: "one JSON document on stdout instead of text; of an export what became of it, with --output or --to",
  },
  quiet: {
    type: "boolean",
    alias: "q",
    description: "errors only; prune then prints nothing, verify only what is wrong",
  },
  verbose: { type: "boolean", alias: "v", description: "say more about what is done" },
  debug: { type: "boolean", description: "show the stack and the cause of an error" },
  color: { type: "enum", options: ["auto", "always", "never"], default: "auto", description: "colour in text" },
} as const satisfies ArgTable;

/** Answered before anything else, wherever they stand before `--`. */
export const answerArgs = {
  help: { type: "boolean", alias: "h", description: "show help" },
  version: { type: "boolean", alias: "V", description: "show the version" },
} as const satisfies ArgTable;

/** A command line that weir does not accept; nothing has been done. */
export class UsageError extends WeirError {
  override readonly name = "UsageError";

  constructor(
    message: string,
    override readonly hint: string,
  ) {
    super("usage", message, hint);
  }
}
