/** Owns span trees as text for a terminal: a session's turns, and below each what it did, with time, tokens and failures. */
import { nameOf } from "./attributes.ts";
import { type Filter, select } from "./filter.ts";
import { millisOf } from "./otel.ts";
import { type Family, type Node, treeOf } from "./tree.ts";

/** How text is made safe and coloured; the terminal is not this file's business. */
export interface Style {
  readonly show: (foreign: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly count: (n: number) => string;
}

/** A family as text; empty when nothing of it passes. */
export function treeText(family: Family, filter: Filter, style: Style): string {
  const { nodes } = select(treeOf(family), family.records, filter);
  if (nodes.length === 0) return "";
  const shown = new Set(nodes);
  const below = Map.groupBy(nodes, (node) => (node.parent && shown.has(node.parent) ? node.parent : undefined));
  const lines = [headOf(family.root, nodes, style)];
  const tops = below.get(undefined) ?? [];
  const draw = (node: Node, indent: string, isLast: boolean): void => {
    lines.push(`${style.dim(`${indent}${isLast ? "└ " : "├ "}`)}${lineOf(node, style)}`);
    const inner = (below.get(node) ?? []).sort((a, b) => millisOf(a.start) - millisOf(b.start));
    for (const child of inner) draw(child, `${indent}${isLast ? "  " : "│ "}`, child === inner.at(-1));
  };
  tops.sort((a, b) => millisOf(a.start) - millisOf(b.start));
  for (const node of tops) draw(node, "", node === tops.at(-1));
  return `${lines.join("\n")}\n\n`;
}

function headOf(root: string | undefined, nodes: readonly Node[], style: Style): string {
  const first = nodes[0]?.record;
  const about = [first?.agent, root ?? "no session", first?.cwd].filter((part) => part !== undefined);
  return style.bold(about.map(style.show).join("  "));
}

function lineOf(node: Node, { show, dim, red, count }: Style): string {
  const { record } = node;
  const parts = [show(nameOf(record))];
  if (record.operation === "chat" && record.request_model === undefined && record.model !== undefined)
    parts.push(dim(show(record.model)));
  parts.push(dim(new Date(millisOf(node.start)).toISOString().slice(0, 19).replace("T", " ")));
  const ms = Math.round(millisOf(node.end) - millisOf(node.start));
  if (ms > 0) parts.push(dim(ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`));
  const { input_tokens: input, output_tokens: output } = record.usage ?? {};
  if (input !== undefined || output !== undefined) parts.push(`${count(input ?? 0)} → ${count(output ?? 0)} tokens`);
  if (record.status === "error") parts.push(red(show(record.error_type ?? "error")));
  if (record.open) parts.push(dim("open"));
  return parts.join("  ");
}
