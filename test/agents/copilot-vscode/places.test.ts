/** Owns the proof that the stores of every edition, platform and layout are found, each of them once. */
import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { agents } from "../../../src/agents/index.ts";
import { environmentOf } from "../../../src/config/environment.ts";
import type { Platform } from "../../../src/read/types.ts";
import { type Discovery, discover } from "../../../src/sync/discover.ts";
import { EVERYTHING, environmentAt } from "../../support/archive.ts";
import { chat, countedIn, DATABASE, figuresOf, openTraces, S1, syncCopilot } from "../../support/copilot.ts";
import { type Scratch, scratch } from "../../support/home.ts";

const copilot = agents.filter((agent) => agent.id === "copilot-vscode");
const S2 = "a9d4c7e0-6b1f-4f3a-8e22-0f0e0d0c0b0a";

const pathsOf = ({ found, unreadable }: Discovery): string[] => {
  expect(unreadable).toEqual([]);
  return found.map((f) => `${f.stream.kind} ${f.relative}`).sort();
};
const foundIn = (home: Scratch): string[] => pathsOf(discover(copilot, environmentAt(home.home), EVERYTHING));
const ownIn = (home: Scratch, platform: Platform, variables: Record<string, string> = {}): string[] =>
  pathsOf(discover(copilot, environmentOf([], { platform, home: home.home, variables }), EVERYTHING));

const ROOTS = [
  ...[
    "Code",
    "Code - Insiders",
    "Code - Exploration",
    "Code - OSS",
    "code-oss-dev",
    "VSCodium",
    "VSCodium - Insiders",
  ].flatMap((product) => [
    `.config/${product}`,
    `Library/Application Support/${product}`,
    `AppData/Roaming/${product}`,
  ]),
  ".var/app/com.visualstudio.code/config/Code",
  ".vscode-server/data",
  ".vscode-server-insiders/data",
  ".vscodium-server/data",
  "VSCode-linux-x64/data/user-data",
  "Applications/code-portable-data/user-data",
  "AppData/Local/Programs/Microsoft VS Code/data/user-data",
  "scoop/persist/vscode/data/user-data",
];
const STORES = [
  ["otel_traces", "User/globalStorage/github.copilot-chat/agent-traces.db"],
  ["otel_traces", "User/globalStorage/GitHub.copilot-chat/otel/spans.db"],
  ["otel_traces", "agent-host/otel/agent-host-traces.db"],
  ["transcript", `User/workspaceStorage/ab12/GitHub.copilot-chat/transcripts/${S1}.jsonl`],
  ["transcript", `User/workspaceStorage/cd34/github.copilot-chat/transcripts/${S1}.jsonl`],
  ["debug_log", `User/workspaceStorage/ab12/GitHub.copilot-chat/debug-logs/${S1}/main.jsonl`],
  ["debug_log", `User/workspaceStorage/ab12/GitHub.copilot-chat/debug-logs/${S2}.jsonl`],
  ["chat_sessions", `User/workspaceStorage/ab12/chatSessions/${S1}.json`],
  ["chat_sessions", `User/workspaceStorage/ab12/chatSessions/${S1}.jsonl`],
  ["chat_sessions", `User/workspaceStorage/no-workspace/chatSessions/${S1}.json`],
  ["chat_sessions", `User/globalStorage/emptyWindowChatSessions/${S2}.jsonl`],
  ["chat_sessions", `User/globalStorage/transferredChatSessions/${S2}.json`],
] as const;

for (const root of ROOTS) {
  test(`finds every stream below ${root}`, () => {
    using home = scratch();
    for (const [, path] of STORES) home.write(`${root}/${path}`, "");
    home.write(`${root}/User/workspaceStorage/ab12/GitHub.copilot-chat/debug-logs/${S1}/models.json`, "[]");
    home.write(`${root}/User/workspaceStorage/ab12/state.vscdb`, "");
    expect(foundIn(home)).toEqual(STORES.map(([kind, path]) => `${kind} ${root}/${path}`).sort());
  });
}

test("an own home is looked at in its platform's layout, and where the environment moves it", () => {
  using home = scratch();
  const store = "User/globalStorage/github.copilot-chat/agent-traces.db";
  for (const root of [
    ".config/Code",
    "Library/Application Support/Code",
    "AppData/Roaming/Code",
    "xdg/Code",
    "moved/VSCodium",
    "roaming/Code",
    "usb/user-data",
    "agent/data",
  ])
    home.write(`${root}/${store}`, "");
  const at = (...roots: string[]): string[] => roots.map((root) => `otel_traces ${root}/${store}`).sort();
  const dir = (name: string): string => join(home.home, name);
  expect(ownIn(home, "linux")).toEqual(at(".config/Code"));
  expect(ownIn(home, "darwin")).toEqual(at("Library/Application Support/Code"));
  expect(ownIn(home, "win32")).toEqual(at("AppData/Roaming/Code"));
  expect(ownIn(home, "linux", { XDG_CONFIG_HOME: dir("xdg") })).toEqual(at("xdg/Code"));
  expect(ownIn(home, "linux", { VSCODE_APPDATA: dir("moved") })).toEqual(at(".config/Code", "moved/VSCodium"));
  expect(ownIn(home, "win32", { APPDATA: dir("roaming") })).toEqual(at("roaming/Code"));
  expect(ownIn(home, "linux", { VSCODE_PORTABLE: dir("usb") })).toEqual(at(".config/Code", "usb/user-data"));
  expect(ownIn(home, "linux", { VSCODE_AGENT_FOLDER: dir("agent") })).toEqual(at(".config/Code", "agent/data"));
  home.write("tmp/copilot-agent-traces.db", "");
  expect(ownIn(home, "darwin", { TMPDIR: dir("tmp") })).toContain("otel_traces tmp/copilot-agent-traces.db");
});

test("two ways to one database are one source, under its canonical path", async () => {
  using home = scratch();
  using traces = openTraces(home, "real/User/globalStorage/github.copilot-chat/agent-traces.db");
  traces.put({ id: "a100000000000001", attributes: chat(5, 1) });
  mkdirSync(join(home.home, ".config"));
  symlinkSync(join(home.home, "real"), join(home.home, ".config/Code"));
  symlinkSync(join(home.home, "real"), join(home.home, ".config/VSCodium"));
  expect(foundIn(home)).toEqual(["otel_traces real/User/globalStorage/github.copilot-chat/agent-traces.db"]);
  expect((await syncCopilot(home)).records.added).toBe(1);
});

test("the databases of several editions are several sources; a span that two of them hold counts once", async () => {
  using home = scratch();
  const same = { id: "a100000000000001", attributes: chat(5, 1) };
  openTraces(home)
    .put(same, { id: "a100000000000002", attributes: chat(6, 1) })
    [Symbol.dispose]();
  openTraces(home, DATABASE.replace("/Code/", "/Code - Insiders/"))
    .put({ id: "a100000000000003", attributes: chat(7, 1) })
    [Symbol.dispose]();
  openTraces(home, ".config/Code/agent-host/otel/agent-host-traces.db").put(same)[Symbol.dispose]();
  const summary = await syncCopilot(home);
  expect(summary.sources.found).toBe(3);
  expect(figuresOf(countedIn(home))).toMatchObject({ calls: 3, input: 18 });
});

const SETTING = "github.copilot.chat.otel.outfile";

test("the file exporter's file is found where the environment says", () => {
  using home = scratch();
  home.write("telemetry/copilot.jsonl", "");
  const path = join(home.home, "telemetry/copilot.jsonl");
  expect(ownIn(home, "linux", { COPILOT_OTEL_FILE_EXPORTER_PATH: path })).toEqual([
    "otel_file telemetry/copilot.jsonl",
  ]);
  expect(foundIn(home)).toEqual([]);
});

test("and where the settings of any edition, profile or server say: JSON with comments, paths of any platform", () => {
  using home = scratch();
  const settings: Readonly<Record<string, string>> = {
    ".config/Code/User/settings.json": `{\n // a comment\n "${SETTING}": "/home/dev/a.jsonl", /* another */ }`,
    ".config/VSCodium/User/profiles/-1f2e/settings.json": `{"${SETTING}": "/Users/dev/b.jsonl"}`,
    ".config/VSCodium/User/globalStorage/storage.json": '{"userDataProfiles": [{"location": "-1f2e", "name": "work"}]}',
    ".vscode-server/data/Machine/settings.json": `{"${SETTING}": "${join(home.home, "c.jsonl")}"}`,
    "AppData/Roaming/Code/User/settings.json": `{"${SETTING}": "C:\\\\Users\\\\dev\\\\d.jsonl"}`,
    ".config/Code - OSS/User/settings.json": `{"${SETTING}": "relative.jsonl"}`,
    ".config/Code - Insiders/User/settings.json": "{ not json",
  };
  for (const [path, text] of Object.entries(settings)) home.write(path, text);
  for (const name of ["a", "b", "c", "d", "relative"]) home.write(`${name}.jsonl`, "");
  expect(foundIn(home)).toEqual(["a", "b", "c", "d"].map((name) => `otel_file ${name}.jsonl`));
});

test("a store named by hand is read in the form that its name tells", () => {
  using home = scratch();
  const named = ["x.json", "y.jsonl"].map((name) => home.write(name, "{}"));
  const sources = named.map((path) => ({ agent: "copilot-vscode", stream: "chat_sessions", path }));
  const { found } = discover(copilot, environmentAt(home.home), { ...EVERYTHING, sources });
  const form = ({ stream }: (typeof found)[number]) => stream.shape === "snapshot" && stream.groups.form;
  expect(found.map((f) => [f.relative, form(f)]).sort()).toEqual([
    ["x.json", "json"],
    ["y.jsonl", "jsonl"],
  ]);
});
