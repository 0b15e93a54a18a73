/**
 * Kimi Code: one wire log for each agent of a session; and the Kimi CLI before it: one wire log a session and subagent.
 * Counting rule: a call is one `usage.record` with the step it belongs to (Kimi CLI: one `StatusUpdate` with tokens),
 * known by its message's id, else by its step or its times and tokens, in whatever session's log it is copied to.
 */
import type { Agent, Emit, Environment, Group, Place, SourceInfo } from "../../read/types.ts";
import { settingsFolders, snapshot, tail } from "../../read/types.ts";
import { object, text } from "../../record/json.ts";
import { timeOf } from "../../record/time.ts";
import * as cli from "./cli.ts";
import { sessionOf } from "./log.ts";
import { CLI_WIRE, WIRE } from "./reads.ts";
import * as wire from "./wire.ts";

const DESKTOP = "kimi-desktop/daimon-share/daimon/runtime/kimi-code/home/sessions";

export const kimiCode: Agent = {
  id: "kimi-code",
  title: "Kimi Code",
  retention: "deletes nothing by itself",
  streams: [
    tail<wire.State>({
      kind: "wire",
      rank: 50,
      version: 2,
      reads: WIRE,
      locate: (environment) => placesOf(environment, "agents/*/wire.jsonl"),
      session: sessionOf,
      start: wire.start,
      step: wire.step,
      open: wire.open,
    }),
    // The only one to tell when a session began: a fork's log begins as its parent's does.
    snapshot({
      kind: "session_state",
      rank: 60,
      version: 2,
      locate: (environment) => placesOf(environment, "state.json"),
      session: sessionOf,
      groups: { form: "json" },
      reduce,
    }),
    tail<cli.State>({
      kind: "cli_wire",
      rank: 40,
      version: 3,
      reads: CLI_WIRE,
      locate: (environment) => locateCli(environment, ["*/*/wire.jsonl", "*/*/subagents/*/wire.jsonl"]),
      session: sessionOf,
      start: cli.start,
      step: cli.step,
      open: cli.open,
    }),
    snapshot({
      kind: "cli_state",
      rank: 45,
      version: 2,
      locate: (environment) => locateCli(environment, ["*/*/state.json"]),
      session: sessionOf,
      groups: { form: "json" },
      reduce: cli.reduceState,
    }),
  ],
};

/** Of the desktop app's sessions only conversations are a person's. */
function placesOf({ homes, variable }: Environment, file: string): Place[] {
  return homes.flatMap((home) => {
    const root = `${variable("KIMI_CODE_HOME") || `${home.path}/.kimi-code`}/sessions`;
    const desktop = settingsFolders(home, variable).map((folder) => ({
      root: `${folder}/${DESKTOP}`,
      match: [`*/conv-*/${file}`],
    }));
    return [{ root, match: [`*/*/${file}`] }, ...desktop];
  });
}

/** Which folder a session worked in stands in one file of all sessions, written again with each of them: so it is no sidecar. */
function locateCli({ homes, variable, settings }: Environment, match: readonly string[]): Place[] {
  return homes.map((home) => {
    const share = variable("KIMI_SHARE_DIR") || `${home.path}/.kimi`;
    return {
      root: `${share}/sessions`,
      match,
      sidecars: [{ ending: "wire.jsonl", beside: cli.SUBAGENT_META }],
      settings: cli.workFolders(settings?.(`${share}/kimi.json`)),
    };
  });
}

/**
 * A session that was migrated from the Kimi CLI carries that session's id, and its messages without times or tokens.
 * A fork inherits its original's `custom`, and with it a parent that is not its own: a child is forked from its parent.
 */
function reduce(group: Group, source: SourceInfo, emit: Emit): void {
  const state = object(group.document) ?? {};
  const session_id = sessionOf(source.path) ?? source.stem;
  const forkedFrom = text(state.forkedFrom);
  const parent = text(object(state.custom)?.parent_session_id);
  emit({
    key: "session",
    fact: session_id,
    operation: "session",
    session_id,
    parent_session_id: forkedFrom === undefined || forkedFrom === parent ? parent : undefined,
    forked_from: forkedFrom ?? /^ses_([\da-f-]{36})$/.exec(session_id)?.[1],
    cwd: text(state.cwd) ?? text(state.workDir),
    time: timeOf(state.createdAt),
    at: { index: 0 },
  });
}
