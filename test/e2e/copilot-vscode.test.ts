/** Proves what `scan` and `sync` say of a trace database: where its rows ended, and what was deleted unread. */
import { expect, test } from "bun:test";
import { chat, NOON, openTraces, S1 } from "../support/copilot.ts";
import { scratch } from "../support/home.ts";
import { weir } from "../support/weir.ts";

test("scan shows the cursor (end_time_ms, span_id), every fraction kept; sync tells what was pruned unread", () => {
  using place = scratch();
  using traces = openTraces(place);
  const where = ["--home", place.home, "--data-dir", place.data, "--agent", "copilot-vscode"];
  traces.put({
    id: "a000000000000001",
    end: 0.123291015625,
    attributes: chat(5, 1, { "copilot_chat.chat_session_id": S1 }),
  });
  expect(weir(["sync", ...where]).status).toBe(0);
  const scanned = JSON.parse(weir(["scan", ...where, "--json"]).stdout);
  expect(scanned.sources[0].cursor).toEqual({
    spans: { end_time_ms: NOON + 0.123291015625, span_id: "a000000000000001" },
  });
  expect(weir(["scan", ...where, "--verbose"]).stdout).toContain(`${NOON + 0.123291015625} a000000000000001`);
  traces
    .put({ id: "a000000000000002", end: 2 }, { id: "a000000000000003", end: 3 })
    .run("DELETE FROM spans WHERE span_id < 'a000000000000003'");
  const { status, stdout } = weir(["sync", ...where, "--json"]);
  expect(status).toBe(0);
  expect(JSON.stringify(JSON.parse(stdout).lost)).toMatch(/sync more often":1/);
});
