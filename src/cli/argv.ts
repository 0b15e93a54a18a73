/** Owns the grammar of the command line: arguments in, one checked request out. It runs nothing and prints nothing. */
import {
  type ArgSpec,
  type ArgTable,
  type ArgValue,
  answerArgs,
  type Command,
  globalArgs,
  type Parsed,
  UsageError,
} from "./args.ts";
import type { ColorMode } from "./color.ts";
import { meant, nearest, show } from "./text.ts";

interface Help {
  readonly kind: "help";
  readonly color?: ColorMode;
}

interface Word {
  readonly kind: "word";
  readonly text: string;
}

interface Option {
  readonly kind: "option";
  /** The long name as typed (`no-wait`); undefined for a letter that is nobody's. */
  readonly name: string | undefined;
  readonly shown: string;
  /** The whole argument it was found in. */
  readonly within: string;
  value?: string;
}

/**
 * Turns arguments into one request, or throws `UsageError`. Nothing undeclared is accepted, nothing is guessed:
 * booleans take no value, other options need one, only repeatable options repeat, and extra words are refused.
 */
export function parseArguments<C extends Command>(argv: readonly string[], commands: readonly C[]): Parsed<C> {
  const top: ArgTable = { ...globalArgs, ...answerArgs };
  const tokens = tokenize(argv, top);
  const [name, ...topics] = wordsOf(tokens);
  const options = optionsOf(tokens);
  if (name === undefined || name === "help") {
    const asked = answer(options);
    if (asked) return asked;
    collect(options, top, undefined, commands);
    return name === undefined ? { kind: "nothing" } : helpOn(topics, colorIn(options), commands);
  }
  const leading = optionsOf(
    tokens.slice(
      0,
      tokens.findIndex((token) => token.kind === "word"),
    ),
  );
  if (!answer(leading)) collect(leading, top, undefined, commands);
  return parseCommand(argv, findCommand(name, commands), commands);
}

/** `weir help sync` is `weir sync --help`. */
function helpOn<C extends Command>(
  [topic, extra]: readonly string[],
  color: ColorMode | undefined,
  commands: readonly C[],
): Parsed<C> {
  if (extra !== undefined) throw new UsageError(`unexpected argument "${show(extra)}"`, "weir help takes one command");
  return { kind: "help", color, command: topic === undefined ? undefined : findCommand(topic, commands) };
}

function parseCommand<C extends Command>(argv: readonly string[], command: C, commands: readonly C[]): Parsed<C> {
  const table: ArgTable = { ...command.args, ...globalArgs };
  const known: ArgTable = { ...table, ...answerArgs };
  const tokens = tokenize(argv, known);
  const options = optionsOf(tokens);
  const asked = answer(options);
  if (asked) return asked.kind === "help" ? { ...asked, command } : asked;
  const given = collect(options, known, command, commands);
  const args: Record<string, ArgValue> = Object.create(null);
  for (const [key, spec] of Object.entries(table)) args[key] = given.has(key) ? given.get(key) : absent(spec);
  const word = takeWord(wordsOf(tokens).slice(1), command, known);
  if (command.positional) args[command.positional.name] = word;
  return { kind: "run", command, args };
}

function findCommand<C extends Command>(name: string, commands: readonly C[]): C {
  const found = commands.find((command) => command.name === name);
  if (found) return found;
  const names = commands.map((command) => command.name);
  const hint = Object.hasOwn(answerArgs, name)
    ? `did you mean --${name}?`
    : meant(name, names, "weir --help lists the commands");
  throw new UsageError(`unknown command "${show(name)}"`, hint);
}

function answer(options: readonly Option[]): Help | { readonly kind: "version" } | undefined {
  const asks = (name: string): boolean => options.some((option) => option.name === name && option.value === undefined);
  if (asks("help")) return { kind: "help", color: colorIn(options) };
  return asks("version") ? { kind: "version" } : undefined;
}

/** What the last `--color` says; a wrong one is no reason not to help. */
function colorIn(options: readonly Option[]): ColorMode | undefined {
  const value = options.findLast(({ name }) => name === "color")?.value;
  return globalArgs.color.options.find((mode) => mode === value);
}

type Token = Word | Option;

function wordsOf(tokens: readonly Token[]): readonly string[] {
  return tokens.flatMap((token) => (token.kind === "word" ? [token.text] : []));
}

function optionsOf(tokens: readonly Token[]): readonly Option[] {
  return tokens.filter((token) => token.kind === "option");
}

function tokenize(argv: readonly string[], table: ArgTable): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const arg = argv[at] ?? "";
    if (arg === "--") return [...tokens, ...argv.slice(at + 1).map((text): Word => ({ kind: "word", text }))];
    if (isOperand(arg)) {
      tokens.push({ kind: "word", text: arg });
      continue;
    }
    const options = arg.startsWith("--") ? [longOption(arg)] : letters(arg, table);
    tokens.push(...options);
    const last = options.at(-1);
    const next = argv[at + 1];
    if (!last || last.value !== undefined || next === undefined) continue;
    if (takesValue(table, last.name) && (isOperand(next) || /^-\d/.test(next))) {
      last.value = next;
      at += 1;
    }
  }
  return tokens;
}

function isOperand(arg: string): boolean {
  return arg === "-" || !arg.startsWith("-");
}

function longOption(arg: string): Option {
  const equals = arg.indexOf("=");
  const name = arg.slice(2, equals < 0 ? undefined : equals);
  const option: Option = { kind: "option", name, shown: `--${name}`, within: arg };
  return equals < 0 ? option : { ...option, value: arg.slice(equals + 1) };
}

/** `-qv` is two letters; behind a letter that takes a value comes the value: `-oFILE`, `-o=FILE`. */
function letters(arg: string, table: ArgTable): readonly Option[] {
  const options: Option[] = [];
  const chars = [...arg.slice(1)];
  for (const [at, char] of chars.entries()) {
    const name = Object.keys(table).find((key) => table[key]?.alias === char);
    const tail = chars.slice(at + 1).join("");
    const option: Option = { kind: "option", name, shown: `-${char}`, within: arg };
    options.push(option);
    if (tail.startsWith("=")) option.value = tail.slice(1);
    else if (tail !== "" && takesValue(table, name)) option.value = tail;
    if (option.value !== undefined) break;
  }
  return options;
}

interface Declared {
  readonly key: string;
  readonly spec: ArgSpec;
  readonly negated: boolean;
}

/** Own names only: `constructor` and `__proto__` are nobody's. */
function declared(table: ArgTable, name: string | undefined): Declared | undefined {
  if (name === undefined) return undefined;
  const own = Object.hasOwn(table, name) ? table[name] : undefined;
  if (own) return { key: name, spec: own, negated: false };
  const key = name.startsWith("no-") ? name.slice(3) : "";
  const spec = Object.hasOwn(table, key) ? table[key] : undefined;
  return spec?.type === "boolean" && spec.negatable ? { key, spec, negated: true } : undefined;
}

function takesValue(table: ArgTable, name: string | undefined): boolean {
  const found = declared(table, name);
  return found !== undefined && found.spec.type !== "boolean";
}

function absent(spec: ArgSpec): ArgValue {
  if (spec.type === "boolean") return spec.default ?? (spec.negatable ? undefined : false);
  if (!spec.repeatable) return spec.default;
  return spec.default === undefined ? [] : spec.default.split(",");
}

function collect(
  options: readonly Option[],
  table: ArgTable,
  command: Command | undefined,
  commands: readonly Command[],
): ReadonlyMap<string, ArgValue> {
  const given = new Map<string, ArgValue>();
  for (const option of options) {
    const found = declared(table, option.name);
    if (!found) throw unknownOption(option, table, command, commands);
    const { key, spec } = found;
    const before = given.get(key);
    const repeatable = spec.type !== "boolean" && spec.repeatable;
    if (before !== undefined && !repeatable) throw new UsageError(`--${key} is given twice`, `give --${key} once`);
    given.set(
      key,
      repeatable && Array.isArray(before) ? [...before, ...items(option, found)] : readValue(option, found),
    );
  }
  return given;
}

function readValue(option: Option, found: Declared): ArgValue {
  const { key, spec, negated } = found;
  if (spec.type !== "boolean") return spec.repeatable ? items(option, found) : items(option, found)[0];
  if (option.value === undefined) return !negated;
  const instead = spec.negatable ? `--${key} or --no-${key}` : `--${key}, or leave it out`;
  throw new UsageError(`option ${option.shown} takes no value`, `write ${instead}`);
}

function items({ value, shown }: Option, { key, spec }: Declared): readonly string[] {
  if (spec.type === "boolean") return [];
  const choices = spec.type === "enum" ? spec.options : undefined;
  const split = value?.trim() && spec.repeatable === true ? value.split(",").map((item) => item.trim()) : [value ?? ""];
  for (const item of split) {
    if (item !== "") checkChoice(shown, item, choices);
    else if (value) throw new UsageError(`option ${shown} has an empty item`, `write it as --${key}=A,B`);
    else if (choices) throw new UsageError(`option ${shown} needs a value`, `one of ${choices.join(", ")}`);
    else throw new UsageError(`option ${shown} needs a value`, howToGive(key, spec.valueHint));
  }
  return split;
}

const howToGive = (key: string, hint = "VALUE"): string =>
  `write --${key} ${hint}, or --${key}=${hint} where it begins with -`;

function checkChoice(what: string, value: string, choices: readonly string[] | undefined): void {
  if (!choices || choices.includes(value)) return;
  throw new UsageError(`${what} cannot be "${show(value)}"`, meant(value, choices));
}

function takeWord(words: readonly string[], command: Command, table: ArgTable): string | undefined {
  const { positional, name } = command;
  const [word, extra] = positional ? words : [undefined, ...words];
  if (extra !== undefined) {
    const near = nearest(extra, longNames(table));
    const hint = near === undefined ? `see weir ${name} --help` : `did you mean --${near}?`;
    throw new UsageError(`unexpected argument "${show(extra)}" for ${name}`, hint);
  }
  const label = positional?.name.toUpperCase() ?? "";
  if (word) checkChoice(label, word, positional?.options);
  else if (word === "" || positional?.required) {
    const hint = positional?.options ? `one of ${positional.options.join(", ")}` : `see weir ${name} --help`;
    throw new UsageError(`${name} needs ${label}`, hint);
  }
  return word;
}

function longNames(table: ArgTable): readonly string[] {
  return Object.entries(table).flatMap(([name, spec]) =>
    spec.type === "boolean" && spec.negatable ? [name, `no-${name}`] : [name],
  );
}

function unknownOption(
  { name, shown, within }: Option,
  table: ArgTable,
  command: Command | undefined,
  commands: readonly Command[],
): UsageError {
  const inside = name === undefined && within !== shown ? ` in ${show(within)}` : "";
  const message = `unknown option ${show(shown)}${inside}${command ? ` for ${command.name}` : ""}`;
  return new UsageError(message, optionHint(name ?? within.slice(1), table, command, commands));
}

function optionHint(name: string, table: ArgTable, command: Command | undefined, commands: readonly Command[]): string {
  const owner = command ? undefined : commands.find((each) => declared(each.args, name));
  if (owner) return `write it after the command: weir ${owner.name} --${name}`;
  const positive = name.startsWith("no-") ? declared(table, name.slice(3)) : undefined;
  if (positive?.spec.type === "enum" && positive.spec.options.includes("never")) {
    return `did you mean --${positive.key}=never?`;
  }
  if (positive?.spec.type === "boolean") return `it is off unless --${positive.key} is given`;
  const near = nearest(name, longNames(table));
  if (near !== undefined) return `did you mean --${near}?`;
  return command ? `see weir ${command.name} --help` : "see weir --help";
}
