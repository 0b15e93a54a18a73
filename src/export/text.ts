/** Owns span trees as text for a terminal: a session's turns, and below each what it did, with time, tokens and failures. */
import { nameOf } from "./attributes.ts";
import { type Filter, select } from "./filter.ts";
import { millisOf } from "./otel.ts";
import { type Family, type Node, treeOf } from "./tree.ts";

/** How text is made safe, coloured and cut; the terminal is not this file's business. */
export interface Style {
  readonly show: (foreign: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly count: (n: number) => string;
  /** Cuts a text that has no colour yet to so many columns. */
  readonly fit: (text: string, columns: number) => string;
  /** How many a line may take; infinite where nothing is cut. */
  readonly columns: number;
}

/** Names are not cut below this. */
const LEAST_NAME = 12;

/** A family as text; empty when nothing of it passes. */
export function treeText(family: Family, filter: Filter, style: Style): string {
  const { nodes } = select(treeOf(family), family.records, filter);
  if (nodes.length === 0) return "";
  const shown = new Set(nodes);
  const below = Map.groupBy(nodes, (node) => (node.parent && shown.has(node.parent) ? node.parent : undefined));
  const lines = [headOf(family.root, nodes, style)];
  let day = "none yet";
  const draw = (node: Node, indent: string, isLast: boolean): void => {
    const time = new Date(millisOf(node.start)).toISOString().slice(0, 19).replace("T", " ");
    lines.push(lineOf(node, `${indent}${isLast ? "└ " : "├ "}`, time.startsWith(day) ? time.slice(11) : time, style));
    day = time.slice(0, 10);
    drawAll(below.get(node) ?? [], `${indent}${isLast ? "  " : "│ "}`);
  };
  const drawAll = (level: Node[], indent: string): void => {
    level.sort((a, b) => millisOf(a.start) - millisOf(b.start));
    for (const node of level) draw(node, indent, node === level.at(-1));
  };
  drawAll(below.get(undefined) ?? [], "");
  return `${lines.join("\n")}\n\n`;
}

function headOf(root: string | undefined, nodes: readonly Node[], { bold, show, fit, columns }: Style): string {
  const first = nodes[0]?.record;
  const about = [first?.agent, root ?? "no session", first?.cwd].filter((part) => part !== undefined);
  return bold(fit(about.map(show).join("  "), columns));
}

interface Part {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** `time` tells the day only where it is another one than in the line above. */
function lineOf(node: Node, indent: string, time: string, style: Style): string {
  const { show, dim, fit, columns } = style;
  const { record } = node;
  const model = record.operation === "chat" && record.request_model === undefined ? record.model : undefined;
  const after: Part[] = [{ text: time, paint: dim }, ...figuresOf(node, style)];
  const taken = after.reduce((sum, { text }) => sum + 2 + Bun.stringWidth(text), indent.length);
  const room = Math.max(LEAST_NAME, columns - taken);
  const name = fit(show(nameOf(record)), room);
  const of = model === undefined ? "" : fit(show(model), room - name.length - 2);
  const before: Part[] = [{ text: name }, ...(of === "" ? [] : [{ text: of, paint: dim }])];
  return `${dim(indent)}${[...before, ...after].map(({ text, paint }) => paint?.(text) ?? text).join("  ")}`;
}

/** How long it took, its tokens, and what went wrong. */
function figuresOf({ record, start, end }: Node, { show, dim, red, count }: Style): Part[] {
  const parts: Part[] = [];
  const ms = Math.round(millisOf(end) - millisOf(start));
  if (ms > 0) parts.push({ text: ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`, paint: dim });
  const { input_tokens: input, output_tokens: output } = record.usage ?? {};
  if (input !== undefined || output !== undefined)
    parts.push({ text: `${count(input ?? 0)} → ${count(output ?? 0)} tokens` });
  if (record.status === "error") parts.push({ text: show(record.error_type ?? "error"), paint: red });
  if (record.open) parts.push({ text: "open", paint: dim });
  return parts;
}
