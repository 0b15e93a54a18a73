/**
 * The spans of one trace: whose session each is, which runs are one, what is a subagent's. Children come before their
 * parents, so a trace is told again as a whole whenever one of its spans is new.
 */
import type { Draft, Emit } from "../../read/types.ts";
import { GEN_AI } from "../../record/attributes.ts";
import { COPILOT_CLI, cliRequest, cliSubagent } from "../../record/copilot-cli.ts";
import { text } from "../../record/json.ts";
import { type Span, spanDraft, spanFact, spanOperation } from "../../record/spans.ts";
import { bareCallId, callFact, toolCallFact } from "./facts.ts";
import type { SpanTexts } from "./span-texts.ts";

const CHAT_SESSION = "copilot_chat.chat_session_id";
const PARENT_SESSION = "copilot_chat.parent_chat_session_id";
const OLD_SESSION = "copilot_chat.session_id";
const REQUEST = "copilot_chat.server_request_id";

/** Attributes that say whose a span is. */
const SESSION_NAMES = [CHAT_SESSION, OLD_SESSION, PARENT_SESSION, REQUEST];
/** Known attributes that hold content, or nothing that a record tells. */
export const USELESS_ATTRIBUTES: readonly string[] = [
  "copilot_chat.debug_name",
  "copilot_chat.event_category",
  "copilot_chat.event_details",
  "copilot_chat.hook_command",
  "copilot_chat.hook_input",
  "copilot_chat.hook_output",
  "copilot_chat.intent",
  "copilot_chat.markdown_content",
  "copilot_chat.prompt_context",
  "copilot_chat.prompt_instructions",
  "copilot_chat.reasoning_content",
  "copilot_chat.request.options",
  "copilot_chat.request.shape",
  "copilot_chat.turn.index",
  "copilot_chat.user_request",
  "enduser.pseudo.id",
  "github.copilot.github.org",
  "github.copilot.hook.invocation_id",
  "github.copilot.hook.tool_names",
  "github.copilot.interaction_id",
  "github.copilot.tool.parameters.command",
  "github.copilot.tool.parameters.file_path",
  "github.copilot.tool.parameters.mcp_server_name",
  "github.copilot.tool.parameters.mcp_tool_name",
  "github.copilot.tool.parameters.skill_name",
  "host.name",
  "os.type",
  "process.user.name",
  "session.id",
  "user.name",
  "vscode.version",
];
const SILENT: ReadonlySet<string> = new Set([...SESSION_NAMES, ...USELESS_ATTRIBUTES]);

/** True for an attribute that says whose a span is. */
export function isSessionName(name: string): boolean {
  return SESSION_NAMES.includes(name);
}

interface Node {
  readonly span: Span;
  readonly operation: Draft["operation"];
  parent: Node | undefined;
  children: Node[] | undefined;
  session: string | undefined;
  /** What is above it, once that is known. */
  above: Above;
}

interface Above {
  /** All that it is below of are there. */
  readonly isWhole: boolean;
  /** The run that it belongs to. A run belongs to itself, or to the run that it is the inside of. */
  readonly run: Node | undefined;
  /** The nearest span above it whose session is known. */
  readonly relative: Node | undefined;
  /** The nearest session above it that is not its own. */
  readonly outer: string | undefined;
}

const NOTHING: Above = { isWhole: true, run: undefined, relative: undefined, outer: undefined };

/** The session that a span names itself. */
export function ownSession(span: Span): string | undefined {
  const { attributes: a } = span;
  const own = text(a[CHAT_SESSION]);
  if (own !== undefined) return own;
  // Helpers (titles, progress) belong to no session; they name the one that they were made for.
  const spawner = spanOperation(span) === "chat" ? undefined : text(a[PARENT_SESSION]);
  return spawner ?? text(a[OLD_SESSION]) ?? conversationOf(span);
}

/** True for a span that the CLI wrote itself, into a file that it shares with VS Code. */
function isOfCli({ resource }: Span): boolean {
  return resource?.["service.name"] === COPILOT_CLI;
}

/** On a run it is the session; on an early chat it is a request, in which case it names no session by itself. */
function conversationOf(span: Span): string | undefined {
  const isSession = spanOperation(span) === "invoke_agent" || isOfCli(span);
  return isSession ? text(span.attributes[GEN_AI.conversationId]) : undefined;
}

/** True for a model call that no agent run made: it is kept, without a session. */
function isHelper({ span: { attributes: a }, operation, parent }: Node): boolean {
  return (
    operation === "chat" && parent === undefined && a[PARENT_SESSION] !== undefined && a[CHAT_SESSION] === undefined
  );
}

/** Tells all spans of a trace, each with what `textsOf` gives of it. */
export function reduceTrace(spans: readonly Span[], emit: Emit, textsOf?: (span: Span) => SpanTexts): void {
  const nodes = treeOf(spans);
  giveSessions(nodes);
  lookUp(nodes);
  const spawners = spawnersOf(nodes);
  for (const node of nodes) {
    const draft = draftOf(node, spawners, emit.unknown);
    emit(textsOf ? { ...draft, ...textsOf(node.span) } : draft);
  }
}

/** Tells one span by what it says itself, where the others of its trace are not at hand. */
export function lonelyDraft(span: Span, session: string | undefined, unknown?: (what: string) => void): Draft {
  return sessionDraft(span, session ?? ownSession(span), text(span.attributes[PARENT_SESSION]), unknown);
}

function treeOf(spans: readonly Span[]): Node[] {
  const byId = new Map<string, Node>();
  for (const span of spans) {
    const operation = spanOperation(span);
    byId.set(span.spanId, {
      span,
      operation,
      parent: undefined,
      children: undefined,
      session: undefined,
      above: NOTHING,
    });
  }
  const nodes = [...byId.values()];
  for (const node of nodes)
    node.parent = node.span.parentSpanId === undefined ? undefined : byId.get(node.span.parentSpanId);
  cutCircles(nodes);
  for (const node of nodes) {
    if (!node.parent) continue;
    if (node.parent.children) node.parent.children.push(node);
    else node.parent.children = [node];
  }
  return nodes;
}

/** Spans that name each other as parents hang below nothing. */
function cutCircles(nodes: readonly Node[]): void {
  const walks = new Map<Node, Node>();
  for (const start of nodes) {
    for (let at = start; !walks.has(at); ) {
      walks.set(at, start);
      if (at.parent === undefined) break;
      if (walks.get(at.parent) === start) at.parent = undefined;
      else at = at.parent;
    }
  }
}

/** Sessions that name the session that spawned them, with it. */
function spawnersOf(nodes: readonly Node[]): ReadonlyMap<string, string> {
  const spawners = new Map<string, string>();
  for (const { span, session } of nodes) {
    const spawner = text(span.attributes[PARENT_SESSION]);
    if (session !== undefined && spawner !== undefined && spawner !== session) spawners.set(session, spawner);
  }
  return spawners;
}

/** Tells each span what is above it, from the roots down. */
function lookUp(nodes: readonly Node[]): void {
  const order = nodes.filter(({ parent }) => parent === undefined);
  for (const node of order) {
    node.above = aboveOf(node);
    for (const child of node.children ?? []) order.push(child);
  }
}

function aboveOf(node: Node): Above {
  const { parent, session, operation, span } = node;
  const isOutermost = operation === "invoke_agent" && !isInner(node);
  if (!parent) return { ...NOTHING, isWhole: span.parentSpanId === undefined, run: isOutermost ? node : undefined };
  const relative = parent.session === undefined ? parent.above.relative : parent;
  const outer = relative?.session === session ? relative?.above.outer : relative?.session;
  return { isWhole: parent.above.isWhole, run: isOutermost ? node : parent.above.run, relative, outer };
}

function draftOf(node: Node, spawners: ReadonlyMap<string, string>, unknown: (what: string) => void): Draft {
  const { session, above } = node;
  const draft = sessionDraft(node.span, session, spawnerOf(node, spawners), unknown);
  const wrapper = wrapperOf(node);
  if (wrapper) {
    draft.fact = spanFact(wrapper.span);
    draft.agent_name = text(wrapper.span.attributes[GEN_AI.agentName]);
  }
  if (node.operation === "invoke_agent" && !draft.usage) takeInnerUsage(node, draft);
  const outer = above.run?.parent?.above.run;
  if (above.run && outer && outer.session === session)
    draft.subagent = { id: above.run.span.spanId, name: text(above.run.span.attributes[GEN_AI.agentName]) };
  if (!above.isWhole) draft.partial = true;
  return draft;
}

/** The session that spawned a span's session: as the span or another of its session says, or the one above. */
function spawnerOf({ span, session, above }: Node, spawners: ReadonlyMap<string, string>): string | undefined {
  const named = text(span.attributes[PARENT_SESSION]);
  if (session === undefined || (named !== undefined && named !== session)) return named;
  return spawners.get(session) ?? above.outer;
}

/**
 * Gives each span its session: its own, its nearest relative's, its conversation where that is a known session, or the
 * only one that its trace knows.
 */
function giveSessions(nodes: readonly Node[]): void {
  for (const node of nodes) node.session = ownSession(node.span);
  let ring = nodes.filter(({ session }) => session !== undefined);
  if (ring.length === nodes.length) return;
  const known = new Set(ring.map(({ session }) => session));
  // Spans of one parent that has yet to end, or was deleted, are relatives all the same.
  const orphans = Map.groupBy(nodes, ({ span, parent }) => (parent ? undefined : span.parentSpanId));
  while (ring.length > 0) {
    const next: Node[] = [];
    for (const node of ring) {
      const { session, parent, children = [], span } = node;
      const absent = parent ? undefined : span.parentSpanId;
      const siblings = (absent !== undefined && orphans.get(absent)) || [];
      if (absent !== undefined) orphans.delete(absent); // the first of them has told the others
      for (const relative of parent ? [parent, ...children] : [...children, ...siblings]) {
        if (relative.session !== undefined || isHelper(relative)) continue;
        relative.session = session;
        next.push(relative);
      }
    }
    ring = next;
  }
  const [only] = known.size === 1 ? known : [];
  for (const node of nodes) {
    if (node.session !== undefined || isHelper(node)) continue;
    const conversation = text(node.span.attributes[GEN_AI.conversationId]);
    node.session = conversation !== undefined && known.has(conversation) ? conversation : only;
  }
}

/** A nameless run directly below a run is the same run, told from within. */
function isInner({ span, operation, parent }: Node): boolean {
  const isNameless = operation === "invoke_agent" && span.attributes[GEN_AI.agentName] === undefined;
  return isNameless && parent?.operation === "invoke_agent";
}

/** The run that this one is the inside of. */
function wrapperOf(node: Node): Node | undefined {
  return isInner(node) ? node.above.run : undefined;
}

/** A wrapper without usage has that of the run that it wraps. */
function takeInnerUsage({ children }: Node, draft: Told): void {
  const inner = children?.find((child) => wrapperOf(child) !== undefined);
  const told = inner && spanDraft(inner.span);
  if (!told?.usage) return;
  draft.usage = told.usage;
  draft.aggregate = true;
  draft.model ??= told.model;
}

type Told = { -readonly [K in keyof Draft]: Draft[K] };

/** A span's record with what its session, its spawner and its facts are known to be. */
function sessionDraft(
  span: Span,
  session: string | undefined,
  spawner: string | undefined,
  unknown?: (what: string) => void,
): Told {
  const draft: Told = spanDraft(
    span,
    unknown &&
      ((name) => {
        if (!SILENT.has(name)) unknown(`attribute ${name}`);
      }),
  );
  draft.session_id = session;
  draft.parent_session_id = spawner === session ? undefined : spawner;
  draft.at = { row: span.spanId };
  if (draft.usage && partsExceed(draft.usage)) unknown?.("usage whose cached part is larger than its input");
  if (isOfCli(span)) {
    draft.subagent = cliSubagent(draft);
    if (draft.operation === "chat") Object.assign(draft, cliRequest(draft));
  }
  if (draft.operation === "chat") draft.fact = chatFact(span, draft, session);
  else if (draft.operation === "execute_tool") {
    const callId = bareCallId(draft.tool?.call_id);
    draft.fact = toolCallFact(callId, session, draft.time, draft.fact ?? "");
    draft.tool = { ...draft.tool, call_id: callId };
  } else if (draft.operation === "invoke_agent" && session !== undefined && draft.parent_session_id !== undefined) {
    // A subagent with a session of its own has one run in it.
    if (span.attributes[PARENT_SESSION] !== undefined) draft.fact = `run of ${session}`;
  }
  return draft;
}

function chatFact({ attributes: a }: Span, draft: Draft, session: string | undefined): string {
  const conversation = text(a[GEN_AI.conversationId]);
  const request = text(a[REQUEST]) ?? (conversation === session ? undefined : conversation);
  return callFact(draft.response_id ?? request, draft.usage, draft.time, draft.fact ?? "");
}

function partsExceed(usage: NonNullable<Draft["usage"]>): boolean {
  const { cache_read_input_tokens: read = 0, cache_creation_input_tokens: written = 0, input_tokens } = usage;
  return input_tokens !== undefined && read + written > input_tokens;
}
