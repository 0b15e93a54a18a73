/** Owns the table of commands: names, options, examples. Each command's code is loaded only when it runs. */
import type { ArgTable, Command } from "./args.ts";
import type { Io } from "./io.ts";

const choiceArgs = {
  agent: { type: "string", repeatable: true, names: "agents", valueHint: "NAME", description: "only this agent" },
  stream: { type: "string", repeatable: true, names: "streams", valueHint: "NAME", description: "only this stream" },
  source: {
    type: "string",
    repeatable: "whole",
    valueHint: "AGENT:STREAM=PATH",
    description: "read one store from any place",
  },
} as const satisfies ArgTable;

/** Settings that a flag overrides; read with the configuration. */
const retentionArgs = {
  "max-age": {
    type: "string",
    valueHint: "AGE",
    description: "what was last written longer ago: 30d, 36h, 2w",
    defaultText: "the setting max_age_days",
  },
  "max-size": {
    type: "string",
    valueHint: "SIZE",
    description: "the oldest, until no more than this is left: 100MB, 1GiB",
    defaultText: "the setting max_total_bytes",
  },
} as const satisfies ArgTable;

const captureArgs = {
  capture: {
    type: "enum",
    options: ["metadata", "content", "raw"],
    defaultText: "the setting capture",
    description: "how much is archived of what is new: no text, also what was said, or each item too",
  },
} as const satisfies ArgTable;

export const scanArgs = { ...choiceArgs } as const satisfies ArgTable;

export const syncArgs = {
  ...choiceArgs,
  "dry-run": { type: "boolean", description: "read everything, archive nothing, say what would be archived" },
  print: { type: "boolean", description: "also write the new records to stdout, one JSON object a line" },
  ...captureArgs,
  recapture: {
    type: "boolean",
    description: "read again everything that is still there, so that what is known is told again with its texts",
  },
  watch: { type: "boolean", description: "go on: the next round starts watch_interval_ms after the last has ended" },
  prune: { type: "boolean", description: "afterwards remove the oldest segments, as weir prune does" },
  ...retentionArgs,
  wait: {
    type: "boolean",
    negatable: true,
    default: true,
    description: "do not wait for another run to end: exit 75 at once instead of after ten seconds",
  },
} as const satisfies ArgTable;

export const exportArgs = {
  format: {
    type: "enum",
    options: ["jsonl", "csv", "parquet", "otlp-json", "text"],
    valueHint: "FORMAT",
    default: "jsonl",
    description: "form of the output; text shows span trees",
  },
  output: { type: "string", alias: "o", valueHint: "FILE", description: "write to this file, whole or not at all" },
  compress: {
    type: "enum",
    options: ["none", "gzip", "zstd"],
    description: "compress the output; Parquet is compressed inside, over the network gzip is the default",
  },
  to: {
    type: "string",
    valueHint: "URL",
    description: "send OTLP there; otel: where OTEL_EXPORTER_OTLP_ENDPOINT says",
  },
  protocol: {
    type: "enum",
    options: ["http/protobuf", "http/json", "grpc"],
    valueHint: "NAME",
    defaultText: "OTEL_EXPORTER_OTLP_PROTOCOL or http/protobuf",
    description: "how to send",
  },
  signals: {
    type: "string",
    valueHint: "LIST",
    defaultText: "traces; for files all three",
    description: "which of traces,metrics,logs",
  },
  new: { type: "boolean", description: "only what this destination has not had, of turns that are over" },
  "headers-file": {
    type: "string",
    valueHint: "FILE",
    description: "request headers, name=value a line, beside OTEL_EXPORTER_OTLP_HEADERS",
  },
  "retry-for": {
    type: "string",
    valueHint: "TIME",
    default: "30s",
    description: "how long a batch is tried again while the receiver does not take it",
  },
  since: {
    type: "string",
    valueHint: "TIME",
    description: "only what began at or after: 2026-11-01 (in UTC), 2026-11-01T08:00+02:00, 7d, 12h",
  },
  until: { type: "string", valueHint: "TIME", description: "only what began before" },
  agent: choiceArgs.agent,
  session: { type: "string", repeatable: true, valueHint: "ID", description: "only this session" },
  model: { type: "string", repeatable: true, valueHint: "NAME", description: "only this model" },
  operation: {
    type: "string",
    repeatable: true,
    names: "operations",
    valueHint: "NAME",
    description: "only this operation: chat, execute_tool, ...",
  },
  content: { type: "boolean", description: "with the texts that were captured: jsonl, parquet, otlp-json and --to" },
  all: { type: "boolean", description: "also what does not count, copies, revisions, sums: jsonl, csv and parquet" },
} as const satisfies ArgTable;

export const pruneArgs = {
  ...retentionArgs,
  "dry-run": { type: "boolean", description: "show the plan, remove nothing" },
  force: {
    type: "boolean",
    description: "also what a destination has not had yet, and although the clock looks wrong",
  },
} as const satisfies ArgTable;

const configArgs = { ...retentionArgs, ...captureArgs } as const satisfies ArgTable;

export const commands: readonly Command<Io>[] = [
  {
    name: "scan",
    summary: "List agents, streams and sources, and how far behind the archive is. Reads no content, writes nothing.",
    args: scanArgs,
    examples: [
      { line: "weir scan", does: "what is on this machine" },
      { line: "weir scan --verbose", does: "each source on a line of its own" },
      { line: "weir scan --home /mnt/c/Users/me", does: "look under another home folder" },
      { line: "weir scan --json", does: "the same for a script" },
    ],
    load: () => import("./scan.ts"),
  },
  {
    name: "sync",
    summary:
      "Read what is new in every agent's sessions into the archive. Safe to run at any time, as often as you like.",
    args: syncArgs,
    examples: [
      { line: "weir sync", does: "archive what is new" },
      { line: "*/10 * * * * weir sync --quiet", does: "the same from cron, every ten minutes" },
      { line: "weir sync --agent claude-code,codex", does: "only these agents" },
      { line: "weir sync --dry-run", does: "say what would be archived" },
      { line: "weir sync --print | jq .operation", does: "also write the new records to stdout" },
      { line: "weir sync --capture content --recapture", does: "also the texts, of all that is still there" },
      { line: "weir sync --watch", does: "stay, and archive what is new, resting 15 s between rounds" },
      { line: "weir sync --prune --max-age 30d", does: "and remove what was archived more than 30 days ago" },
      { line: "weir sync --source codex:transcript=old.jsonl", does: "read one store from any place" },
    ],
    load: () => import("./sync.ts"),
  },
  {
    name: "export",
    summary:
      "Write what counts, each fact once, or send it as OpenTelemetry data. Reads the archive, no agent's files.",
    args: exportArgs,
    examples: [
      { line: "weir export > all.jsonl", does: "everything that counts, as JSON Lines" },
      { line: "weir export --since 7d --operation chat", does: "the model calls of the last seven days" },
      { line: "weir export --format csv -o usage.csv", does: "a table, written whole or not at all" },
      { line: "weir export --agent codex --session ID", does: "one session" },
      {
        line: "weir export --to http://127.0.0.1:4318 --new",
        does: "what is new, as OpenTelemetry traces; safe in cron",
      },
      { line: "weir export --to otel --signals traces,metrics,logs", does: "to where OTEL_EXPORTER_OTLP_* points" },
      { line: "weir export --format parquet -o all.parquet", does: "for DuckDB, ClickHouse, pandas" },
      { line: "weir export --format text --since 1d", does: "the last day as span trees" },
      { line: "weir export --all", does: "copies, revisions and sums too" },
    ],
    load: () => import("./export.ts"),
  },
  {
    name: "prune",
    summary:
      "Remove the oldest segments of the archive, by age or size. Off until a limit is set; what was pruned is never read in again.",
    args: pruneArgs,
    examples: [
      { line: "weir prune --max-age 30d --dry-run", does: "what has not been written to for 30 days" },
      { line: "weir prune --max-size 100MB", does: "the oldest, until no more than 100 MB are left" },
    ],
    load: () => import("./prune.ts"),
  },
  {
    name: "verify",
    summary: "Check the archive: state, lengths, checksums, every record. Writes nothing; exit 5 when it is damaged.",
    args: {},
    examples: [
      { line: "weir verify", does: "what is wrong, and what to do" },
      { line: "weir verify --json", does: "the same for a script" },
    ],
    load: () => import("./verify.ts"),
  },
  {
    name: "config",
    summary: "Show each setting: type, bounds, default, value, and where the value comes from.",
    args: configArgs,
    examples: [
      { line: "weir config", does: "what holds now" },
      { line: "weir config --config other.toml", does: "what would hold with another file" },
      { line: "WEIR_SEGMENT_MAX_BYTES=10MiB weir config --json", does: "the same for a script" },
    ],
    load: () => import("./config.ts"),
  },
  {
    name: "schema",
    summary: "Print the record's JSON Schema.",
    args: {},
    ignoresConfiguration: true,
    examples: [{ line: "weir schema > record.schema.json", does: "for a validator or a code generator" }],
    load: () => import("./schema.ts"),
  },
  {
    name: "completions",
    summary: "Print the completion script of a shell. It completes commands, options, agents and files.",
    args: {},
    positional: {
      name: "shell",
      description: "the shell",
      options: ["bash", "zsh", "fish", "powershell"],
      required: true,
    },
    ignoresConfiguration: true,
    examples: [
      { line: 'eval "$(weir completions bash)"', does: "for this shell; in ~/.bashrc for every one" },
      { line: "weir completions zsh > _weir", does: "in a folder of $fpath" },
      { line: "weir completions fish > weir.fish", does: "in ~/.config/fish/completions" },
    ],
    load: () => import("./completions.ts"),
  },
];
