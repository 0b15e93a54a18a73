/**
 * Kimi Code: one wire log for each agent of a session; and the Kimi CLI before it: one wire log a session and subagent.
 * Counting rule: a call is one `usage.record` with the step it belongs to (Kimi CLI: one `StatusUpdate` with tokens),
 * known by its message's id, else by its step or its times and tokens, in whatever session's log it is copied to.
 */
import type { Agent, Environment, Place } from "../../read/types.ts";
import { tail } from "../../read/types.ts";
import * as cli from "./cli.ts";
import { sessionOf } from "./log.ts";
import * as wire from "./wire.ts";

const DESKTOP = "kimi-desktop/daimon-share/daimon/runtime/kimi-code/home/sessions";

export const kimiCode: Agent = {
  id: "kimi-code",
  title: "Kimi Code",
  retention: "deletes nothing by itself",
  streams: [
    tail<wire.State>({ kind: "wire", rank: 50, version: 1, locate, session: sessionOf, ...wire }),
    tail<cli.State>({ kind: "cli_wire", rank: 40, version: 1, locate: locateCli, session: sessionOf, ...cli }),
  ],
};

/** Of the desktop app's sessions only conversations are a person's. */
function locate({ homes, variable }: Environment): Place[] {
  const sidecars = [{ ending: "wire.jsonl", beside: wire.SESSION_STATE }];
  return homes.flatMap((home) => {
    const own = (name: string): string | undefined => (home.own ? variable(name) : undefined);
    const support = {
      linux: own("XDG_CONFIG_HOME") ?? `${home.path}/.config`,
      darwin: `${home.path}/Library/Application Support`,
      win32: own("APPDATA") ?? `${home.path}/AppData/Roaming`,
    };
    const root = own("KIMI_CODE_HOME") ?? `${home.path}/.kimi-code`;
    const desktop = home.layouts.map((layout) => `${support[layout]}/${DESKTOP}`);
    return [
      { root: `${root}/sessions`, match: ["*/*/agents/*/wire.jsonl"], sidecars },
      ...desktop.map((folder) => ({ root: folder, match: ["*/conv-*/agents/*/wire.jsonl"], sidecars })),
    ];
  });
}

function locateCli({ homes, variable }: Environment): Place[] {
  return homes.map((home) => ({
    root: `${(home.own && variable("KIMI_SHARE_DIR")) || `${home.path}/.kimi`}/sessions`,
    match: ["*/*/wire.jsonl", "*/*/subagents/*/wire.jsonl"],
    sidecars: [{ ending: "wire.jsonl", beside: cli.SUBAGENT_META }],
  }));
}
