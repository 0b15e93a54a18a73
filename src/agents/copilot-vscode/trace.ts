/**
 * The spans of one trace: whose session each is, which runs are one, what is a subagent's. Children come before their
 * parents, so a trace is told again as a whole whenever one of its spans is new.
 */
import type { Draft, Emit } from "../../read/types.ts";
import { GEN_AI } from "../../record/attributes.ts";
import { text } from "../../record/json.ts";
import { type Span, spanDraft, spanFact, spanOperation } from "../../record/spans.ts";
import { bareCallId, callFact, toolCallFact } from "./facts.ts";

const CHAT_SESSION = "copilot_chat.chat_session_id";
const PARENT_SESSION = "copilot_chat.parent_chat_session_id";
const OLD_SESSION = "copilot_chat.session_id";
const REQUEST = "copilot_chat.server_request_id";

/** Known attributes that hold content, or ids that fields of the record tell. */
const SILENT: ReadonlySet<string> = new Set([
  CHAT_SESSION,
  OLD_SESSION,
  PARENT_SESSION,
  REQUEST,
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
  "process.user.name",
  "user.name",
]);

/** Attributes that say whose a span is. */
export function isSessionName(name: string): boolean {
  return name === CHAT_SESSION || name === PARENT_SESSION || name === OLD_SESSION || name === REQUEST;
}

interface Node {
  readonly span: Span;
  readonly operation: Draft["operation"];
  readonly parent: Node | undefined;
  readonly children: Node[];
}

/** The session that a span names itself. */
export function ownSession(span: Span): string | undefined {
  const { attributes: a } = span;
  const own = text(a[CHAT_SESSION]);
  if (own !== undefined) return own;
  // Helpers (titles, progress) belong to no session; they name the one that they were made for.
  const spawner = spanOperation(span) === "chat" ? undefined : text(a[PARENT_SESSION]);
  return spawner ?? text(a[OLD_SESSION]) ?? conversationOf(span);
}

/** On a run it is the session; on an early chat it is a request, in which case it names no session by itself. */
function conversationOf({ attributes: a, resource, ...span }: Span): string | undefined {
  const isSession =
    spanOperation({ ...span, attributes: a }) === "invoke_agent" || resource?.["service.name"] === "github-copilot";
  return isSession ? text(a[GEN_AI.conversationId]) : undefined;
}

/** True for a model call that no agent run made: it is kept, without a session. */
function isHelper({ span: { attributes: a }, operation, parent }: Node): boolean {
  return (
    operation === "chat" && parent === undefined && a[PARENT_SESSION] !== undefined && a[CHAT_SESSION] === undefined
  );
}

/** Tells all spans of a trace. */
export function reduceTrace(spans: readonly Span[], emit: Emit): void {
  const nodes = treeOf(spans);
  const trace = new Trace(nodes);
  for (const node of nodes) emit(trace.draft(node, (name) => emit.unknown(`attribute ${name}`)));
}

/** Tells one span by what it says itself, where the others of its trace are not at hand. */
export function lonelyDraft(span: Span, session: string | undefined, unknown?: (name: string) => void): Draft {
  return sessionDraft(span, session ?? ownSession(span), text(span.attributes[PARENT_SESSION]), unknown);
}

function treeOf(spans: readonly Span[]): Node[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const nodes = new Map<string, Node>();
  const nodeOf = (span: Span, above: ReadonlySet<string>): Node => {
    const known = nodes.get(span.spanId);
    if (known) return known;
    const parentSpan = span.parentSpanId === undefined ? undefined : byId.get(span.parentSpanId);
    const isLoop = parentSpan !== undefined && above.has(parentSpan.spanId);
    const parent = parentSpan && !isLoop ? nodeOf(parentSpan, new Set([...above, span.spanId])) : undefined;
    const node: Node = { span, operation: spanOperation(span), parent, children: [] };
    parent?.children.push(node);
    nodes.set(span.spanId, node);
    return node;
  };
  return spans.map((span) => nodeOf(span, new Set([span.spanId])));
}

class Trace {
  readonly #named: ReadonlyMap<Node, string>;
  readonly #sessions = new Map<Node, string | undefined>();
  readonly #spawners = new Map<string, string>();

  constructor(nodes: readonly Node[]) {
    const named = new Map<Node, string>();
    for (const node of nodes) {
      const session = ownSession(node.span);
      if (session !== undefined) named.set(node, session);
    }
    this.#named = named;
    const known = new Set(named.values());
    for (const node of nodes) {
      const spawner = text(node.span.attributes[PARENT_SESSION]);
      const session = this.#resolve(node, known);
      this.#sessions.set(node, session);
      if (session !== undefined && spawner !== undefined && spawner !== session) this.#spawners.set(session, spawner);
    }
  }

  /** Its own session, its nearest relative's, or its conversation where that is one. */
  #resolve(node: Node, known: ReadonlySet<string>): string | undefined {
    const own = this.#named.get(node);
    if (own !== undefined || isHelper(node)) return own;
    const seen = new Set([node]);
    for (let ring = [node]; ring.length > 0; ) {
      const next = ring.flatMap(({ parent, children }) => [...(parent ? [parent] : []), ...children]);
      ring = [...new Set(next)].filter((relative) => !seen.has(relative));
      for (const relative of ring) {
        const session = this.#named.get(relative);
        if (session !== undefined) return session;
        seen.add(relative);
      }
    }
    const conversation = text(node.span.attributes[GEN_AI.conversationId]);
    return conversation !== undefined && known.has(conversation) ? conversation : undefined;
  }

  draft(node: Node, unknown: (name: string) => void): Draft {
    const session = this.#sessions.get(node);
    const draft = sessionDraft(node.span, session, this.#spawnerOf(node, session), unknown);
    const wrapper = wrapperOf(node);
    const run = runOf(node);
    const outer = run && runOf(run.parent);
    return {
      ...draft,
      ...(wrapper ? { fact: spanFact(wrapper.span), agent_name: text(wrapper.span.attributes[GEN_AI.agentName]) } : {}),
      ...this.#innerUsage(node, draft),
      subagent:
        run && outer && this.#sessions.get(outer) === session
          ? { id: run.span.spanId, name: text(run.span.attributes[GEN_AI.agentName]) }
          : undefined,
    };
  }

  /** A wrapper without usage has that of the run that it wraps. */
  #innerUsage({ operation, children }: Node, draft: Draft): Partial<Draft> {
    if (operation !== "invoke_agent" || draft.usage) return {};
    const inner = children.find((child) => wrapperOf(child) !== undefined);
    const told = inner && spanDraft(inner.span);
    return told?.usage ? { usage: told.usage, aggregate: true, model: draft.model ?? told.model } : {};
  }

  #spawnerOf(node: Node, session: string | undefined): string | undefined {
    const named = text(node.span.attributes[PARENT_SESSION]);
    if (session === undefined || (named !== undefined && named !== session)) return named;
    const known = this.#spawners.get(session);
    if (known !== undefined) return known;
    for (let above = node.parent; above; above = above.parent) {
      const other = this.#sessions.get(above);
      if (other !== undefined && other !== session) return other;
    }
    return undefined;
  }
}

/** The run that this one is the inside of: a nameless run directly below a run is the same run, told from within. */
function wrapperOf({ span, operation, parent }: Node): Node | undefined {
  const isInner =
    operation === "invoke_agent" &&
    span.attributes[GEN_AI.agentName] === undefined &&
    parent?.operation === "invoke_agent";
  return isInner ? outermost(parent) : undefined;
}

function outermost(node: Node): Node {
  return wrapperOf(node) ?? node;
}

/** The run that a span belongs to; a run belongs to itself. */
function runOf(node: Node | undefined): Node | undefined {
  for (let at = node; at; at = at.parent) if (at.operation === "invoke_agent") return outermost(at);
  return undefined;
}

/** A span's record with what its session, its spawner and its facts are known to be. */
function sessionDraft(
  span: Span,
  session: string | undefined,
  spawner: string | undefined,
  unknown?: (name: string) => void,
): Draft {
  const draft = spanDraft(span, (name) => {
    if (!SILENT.has(name)) unknown?.(name);
  });
  const parent_session_id = spawner === session ? undefined : spawner;
  const base = { ...draft, session_id: session, parent_session_id, at: { row: span.spanId } };
  if (draft.usage && partsExceed(draft.usage)) unknown?.("usage whose cached part is larger than its input");
  if (draft.operation === "chat") return { ...base, fact: chatFact(span, draft, session) };
  if (draft.operation === "execute_tool") {
    const callId = bareCallId(draft.tool?.call_id);
    const fact = toolCallFact(callId, session, draft.time, draft.fact ?? "");
    return { ...base, fact, tool: { ...draft.tool, call_id: callId } };
  }
  // A subagent with a session of its own has one run in it.
  const isOwnRun = draft.operation === "invoke_agent" && session !== undefined && parent_session_id !== undefined;
  return isOwnRun && text(span.attributes[PARENT_SESSION]) ? { ...base, fact: `run of ${session}` } : base;
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
