/** The file that the telemetry exporter writes: spans as they end, and metrics that repeat their sums. */
import type { Emit, Line, Reads, Stream } from "../../read/types.ts";
import { tail } from "../../read/types.ts";
import { GEN_AI } from "../../record/attributes.ts";
import { COPILOT_CLI, cliRequest, cliSubagent, SERVER_DURATION } from "../../record/copilot-cli.ts";
import type { Draft } from "../../record/draft.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import { SPAN_KEYS, sdkSpan } from "../../record/sdk.ts";
import { spanContent } from "../../record/span-content.ts";
import { type Span, spanDraft } from "../../record/spans.ts";
import { callFact, costOf, numbered, type Seen, toolCallFact } from "./facts.ts";

const SCOPE = "github.copilot";

/** Known attributes that say nothing weir keeps, or hold content. */
const SILENT =
  /^(?:copilot_chat\.session_id|session\.id|gen_ai\.(?:agent\.description|conversation\.compacted|request\.reasoning\.level)|github\.copilot\.(?:(?:context|mcp|permission)\..+|interaction_id|tool\.parameters\..+)|process\..+)$/;

const READS: Reads = { keys: { ...SPAN_KEYS, type: true, instrumentationScope: { name: true } } };

/** Where a span may name its session, the surest first. */
const SESSION = [GEN_AI.conversationId, "copilot_chat.session_id", "session.id"];

interface State {
  /** The file lies in the agent's own folder. */
  home: boolean;
  /** Facts of the latest calls, and of the latest tool calls whose ids are short. */
  seen: Seen;
  ids: Seen;
}

export function otelStream(locate: Stream["locate"], rank: number): Stream {
  return tail<State>({
    kind: "otel_file",
    rank,
    version: 4,
    reads: READS,
    locate,
    session: () => undefined,
    start: ({ path }) => ({ home: path.startsWith("otel/"), seen: [], ids: [] }),
    step,
    open: () => undefined,
  });
}

/**
 * Other programs of the family may write to the same file; their spans are told as theirs. Logs of some versions have the
 * ids of a span, which they are not.
 */
function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  const type = text(o.type);
  const span = type === undefined || type === "span" ? sdkSpan(o) : undefined;
  if (span && isOwn(o, state.home)) emit({ ...draftOf(span, state, emit), at: { offset: line.offset } });
  else if (!span && type !== undefined && type !== "metric") emit.unknown(`type ${type}`);
}

/**
 * `OTEL_SERVICE_NAME` and `COPILOT_OTEL_SOURCE_NAME` replace the one name or the other. Where spans name neither, the
 * folder says whose they are.
 */
function isOwn({ resource, instrumentationScope }: JsonObject, home: boolean): boolean {
  const service = text(object(object(resource)?.attributes)?.["service.name"]);
  const scope = text(object(instrumentationScope)?.name);
  return service === COPILOT_CLI || scope === SCOPE || (home && service === undefined && scope === undefined);
}

function draftOf(span: Span, { seen, ids }: State, emit: Emit): Draft {
  const { attributes: a } = span;
  const draft = spanDraft(span, (name) => SILENT.test(name) || emit.unknown(`attribute ${name}`));
  const session_id = text(SESSION.map((name) => a[name]).find((value) => text(value) !== undefined));
  const content = spanContent(a, draft.operation, emit);
  const common = { ...draft, session_id, subagent: cliSubagent(draft), content };
  if (draft.operation === "chat") return chatOf(common, number(a[SERVER_DURATION]), seen);
  if (draft.operation !== "execute_tool") return common;
  const id = draft.tool?.call_id;
  const exit = number(a["process.exit.code"]);
  const outcome = exit ? ({ status: "error", error_type: "exit_code" } as const) : {};
  const attributes = exit === undefined ? draft.attributes : { ...draft.attributes, exitCode: exit };
  return { ...common, fact: id && toolCallFact(ids, id, session_id), attributes, ...outcome };
}

function chatOf(given: Draft, duration: number | undefined, seen: Seen): Draft {
  const draft = { ...given, ...cliRequest(given) };
  if (draft.operation !== "chat") return { ...draft, content: undefined };
  const { session_id: session, request_model: model, usage, time } = draft;
  const cost_usd = costOf(draft.attributes?.["github.copilot.nano_aiu"], time);
  return { ...draft, fact: numbered(seen, callFact({ session, model, usage, duration })), cost_usd };
}
