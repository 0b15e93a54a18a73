/**
 * Kilo Code: OpenCode's database and files in a folder of its own; before April 2026 tasks of a VS Code extension.
 * Counting rule: as in OpenCode; of a task, a call is a request entry with tokens.
 */
import type { Agent } from "../../read/types.ts";
import { snapshot } from "../../read/types.ts";
import { streamsOf } from "./family.ts";
import { reduceTask, taskOf, taskPlaces } from "./kilo-tasks.ts";

export const kiloCode: Agent = {
  id: "kilo-code",
  title: "Kilo Code",
  retention:
    "deletes nothing by itself; newer versions can be told to delete sessions after a time (`retention.enabled`)",
  streams: [
    ...streamsOf("kilo"),
    snapshot({
      kind: "tasks",
      rank: 30,
      version: 3,
      locate: taskPlaces,
      session: taskOf,
      groups: { form: "json" },
      reduce: reduceTask,
    }),
  ],
};
