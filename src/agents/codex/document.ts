/** Owns the rollouts of the first Codex (of early 2025): one JSON document a session, without tokens, models or times. */
import {
  type Draft,
  type Emit,
  type JsonObject,
  type SourceInfo,
  type Stream,
  snapshot,
  type Tail,
} from "../../read/types.ts";
import { list, object, text } from "../../record/json.ts";
import type { Now, State } from "./state.ts";
import { sessionMeta } from "./turns.ts";

/** Where its files end; all else is the later rollouts' own. */
export const ENDING = ".json";

type Rollouts = Pick<Tail<State>, "kind" | "rank" | "version" | "locate" | "session" | "start" | "open">;

/** The documents as a form of the stream of rollouts, whose items are read like those on lines. */
export function documents(rollouts: Rollouts, item: (now: Now, payload: JsonObject) => void): Stream {
  const { start, open, ...stream } = rollouts;
  return snapshot({
    ...stream,
    groups: { form: "json" },
    reduce(group, source: SourceInfo, emit) {
      const document = object(group.document);
      const items = list(document?.items);
      if (!document || !Array.isArray(document.items)) {
        emit.unknown("a document without items");
        return;
      }
      const state = start(source);
      const placed: Emit = Object.assign(
        (draft: Draft) => {
          const index = draft.at?.offset ?? 0;
          emit({ ...draft, at: { index }, raw: draft.operation === "session" ? document.session : items[index] });
        },
        { captures: emit.captures, keep: emit.keep, unknown: emit.unknown, lost: emit.lost },
      );
      const at = (offset: number): Now => ({ state, line: { offset }, time: undefined, bare: true, emit: placed });
      sessionMeta(at(0), object(document.session) ?? {});
      items.forEach((one, n) => {
        const payload = object(one);
        if (payload) item(at(n), text(payload.type) ? payload : { ...payload, type: "message" });
      });
      open(state, placed);
    },
  });
}
