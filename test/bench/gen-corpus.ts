#!/usr/bin/env bun
/**
 * Owns the bench corpora: deterministic fake homes with session data of AI coding agents, and the truth about them.
 *
 *   bun test/bench/gen-corpus.ts --home DIR [options]
 *
 *   --seed N             PRNG seed (default 1). Same options + same seed = same bytes.
 *   --claude-mb N        about N * 1e6 bytes of Claude Code JSONL (default 0)
 *   --claude-files N     spread --claude-mb over exactly N main session files, no sub-agent files
 *                        (default: natural session sizes, median 600 kB, sub-agent files on some)
 *   --codex-mb N         about N * 1e6 bytes of Codex rollout JSONL (default 0)
 *   --copilot-spans N    N spans in VS Code's copilot-chat/agent-traces.db (default 0)
 *   --projects N         number of Claude project folders (default 24)
 *   --until ISO          instant of the newest event (default 2026-11-15T18:00:00Z)
 *   --days N             days covered (default 60)
 *
 *   bun test/bench/gen-corpus.ts --home DIR --append-mb N [--append-files K] [--seed N]
 *                        append about N * 1e6 bytes to the K (default 8) last Claude sessions of an
 *                        existing corpus, as if work had gone on there, and bring manifest.json up to date
 *
 * Writes DIR/.claude, DIR/.codex, DIR/.config/Code/..., and DIR/manifest.json: the oracle. Its
 * token totals count every LLM call once, however many lines or files repeat it. The traps that are
 * built in on purpose: one call spread over several lines (same message.id and requestId) whose
 * earlier lines carry a smaller output_tokens; resumed sessions whose file starts with a copy of the
 * tail of an older one; sub-agent files with isSidechain; synthetic API-error lines; payloads with
 * escaped JSON that looks like usage; non-Latin-1 text; Codex token_count events with info null.
 */
import { Database } from "bun:sqlite";
import { closeSync, mkdirSync, openSync, readFileSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

const argv = process.argv.slice(2);
function opt(name: string, dflt: string): string {
  const i = argv.indexOf(`--${name}`);
  return i >= 0 && i + 1 < argv.length ? argv[i + 1]! : dflt;
}
const HOME = opt("home", "");
if (!HOME) {
  console.error("need --home DIR");
  process.exit(2);
}
const SEED = Number(opt("seed", "1"));
const UNTIL = Date.parse(opt("until", "2026-11-15T18:00:00Z"));
const DAYS = Number(opt("days", "60"));

// ---------- seeded randomness (sfc32) ----------
class Rng {
  a: number;
  b: number;
  c: number;
  d = 1;
  constructor(seed: number, stream: number) {
    this.a = (seed * 2654435761) >>> 0;
    this.b = (stream * 40503 + 12345) >>> 0;
    this.c = 0x9e3779b9;
    for (let i = 0; i < 20; i++) this.u32();
  }
  u32(): number {
    const t = (((this.a + this.b) >>> 0) + this.d) >>> 0;
    this.d = (this.d + 1) >>> 0;
    this.a = (this.b ^ (this.b >>> 9)) >>> 0;
    this.b = (this.c + (this.c << 3)) >>> 0;
    this.c = ((((this.c << 21) | (this.c >>> 11)) >>> 0) + t) >>> 0;
    return t;
  }
  f(): number {
    return this.u32() / 4294967296;
  }
  int(lo: number, hi: number): number {
    return lo + Math.floor(this.f() * (hi - lo + 1));
  }
  pick<T>(xs: readonly T[]): T {
    return xs[Math.floor(this.f() * xs.length)]!;
  }
  chance(p: number): boolean {
    return this.f() < p;
  }
  /** log-normal with the given median, clipped */
  logn(median: number, sigma: number, lo: number, hi: number): number {
    const u = Math.max(1e-12, this.f()),
      v = this.f();
    const z = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
    return Math.round(Math.min(hi, Math.max(lo, median * Math.exp(sigma * z))));
  }
  hex(n: number): string {
    let s = "";
    while (s.length < n) s += this.u32().toString(16).padStart(8, "0");
    return s.slice(0, n);
  }
  uuid(): string {
    const h = this.hex(32);
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-a${h.slice(17, 20)}-${h.slice(20, 32)}`;
  }
  b62(n: number): string {
    let s = "";
    for (let i = 0; i < n; i++) s += B62[Math.floor(this.f() * 62)];
    return s;
  }
}
const B62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

// ---------- text pools: fragments kept JSON-escaped, so lines are built by concatenation ----------
const WORDS = (
  "session cursor parser buffer token stream record index update commit branch schema handler request response config worker queue batch " +
  "offset adapter metric export collector build test fixture result error timeout retry cache value option module import return const async await " +
  "function interface string number boolean promise project agent model usage input output message content context file path line column range"
).split(" ");
class Pool {
  text = "";
  offs: number[] = [];
  constructor(make: (r: Rng) => string, r: Rng, chars: number) {
    const parts: string[] = [];
    let n = 0;
    while (n < chars) {
      const e = JSON.stringify(make(r)).slice(1, -1);
      this.offs.push(n);
      parts.push(e);
      n += e.length;
    }
    this.text = parts.join("");
    this.offs.push(n);
  }
  /** about n characters from a random place, cut at a fragment's end (never inside an escape) */
  take(r: Rng, n: number): string {
    let out = "";
    while (n > 0) {
      const i = r.int(0, this.offs.length - 2),
        from = this.offs[i]!;
      let lo = i + 1,
        hi = this.offs.length - 1;
      while (lo < hi) {
        const m = (lo + hi) >> 1;
        if (this.offs[m]! - from >= n) hi = m;
        else lo = m + 1;
      }
      out += this.text.slice(from, this.offs[lo]!);
      n -= this.offs[lo]! - from;
    }
    return out;
  }
}
const pr = new Rng(SEED, 999);
const w = (r: Rng) => r.pick(WORDS);
const cap = (s: string) => s[0]!.toUpperCase() + s.slice(1);
const codeLine = (r: Rng): string => {
  const ind = "  ".repeat(r.int(0, 4));
  switch (r.int(0, 8)) {
    case 0:
      return `${ind}const ${w(r)}${cap(w(r))} = await this.${w(r)}.${w(r)}("${w(r)}-${r.int(1, 99)}", { ${w(r)}: ${r.int(0, 4096)} });\n`;
    case 1:
      return `${ind}if (${w(r)}.${w(r)} !== undefined && ${w(r)} > ${r.int(0, 500)}) {\n`;
    case 2:
      return `${ind}import { ${cap(w(r))}${cap(w(r))} } from "../${w(r)}/${w(r)}.js";\n`;
    case 3:
      return `${ind}// ${w(r)} the ${w(r)} before the ${w(r)} is ${w(r)}ed\n`;
    case 4:
      return `${ind}expect(${w(r)}(${w(r)})).toEqual({"${w(r)}": "${w(r)}", "n": ${r.int(0, 1e6)}});\n`;
    case 5:
      return `${ind}return ${w(r)}.map((x) => x.${w(r)}).filter(Boolean);\n`;
    case 6:
      return `${ind}export function ${w(r)}${cap(w(r))}(${w(r)}: string, ${w(r)}: number): ${cap(w(r))} {\n`;
    case 7:
      return `${ind}}\n`;
    default:
      return `${ind}\tthis.${w(r)}.set('${w(r)}', \`\${${w(r)}}:${r.hex(8)}\`);\n`;
  }
};
const CODE = new Pool(codeLine, pr, 3_000_000);
let ln = 1;
const READ = new Pool(
  (r) => {
    ln = (ln % 1900) + 1;
    return `${String(ln).padStart(6)}\u2192${codeLine(r)}`; // arrow: not Latin-1
  },
  pr,
  3_000_000,
);
const PROSE = new Pool(
  (r) => {
    const n = r.int(6, 16);
    let s = cap(w(r));
    for (let i = 0; i < n; i++) s += ` ${r.chance(0.08) ? `\`${w(r)}()\`` : w(r)}`;
    return s + (r.chance(0.03) ? " \u2014 \u2713 " : ". ") + (r.chance(0.15) ? "\n\n" : "");
  },
  pr,
  1_000_000,
);
const SHELL = new Pool(
  (r) => {
    switch (r.int(0, 5)) {
      case 0:
        return `src/${w(r)}/${w(r)}.ts:${r.int(1, 900)}:${r.int(1, 90)} - error TS${r.int(1000, 9999)}: ${cap(w(r))} '${w(r)}' is not assignable.\n`;
      case 1:
        return `\u001b[32mPASS\u001b[39m test/${w(r)}.test.ts (${r.int(1, 900)} ms)\n`;
      case 2:
        return `-rw-r--r--  1 dev dev ${r.int(100, 99999)} Nov ${r.int(1, 28)} 1${r.int(0, 9)}:0${r.int(0, 9)} ${w(r)}-${w(r)}.json\n`;
      case 3:
        return `{"type":"log","usage":{"input_tokens":${r.int(1, 900)}},"msg":"${w(r)} ${w(r)}"}\n`; // looks like usage, but is payload
      case 4:
        return `[2026-10-0${r.int(1, 9)}T1${r.int(0, 9)}:00:00Z] INFO ${w(r)}: ${w(r)} ${w(r)} took ${r.int(1, 5000)}ms\n`;
      default:
        return `${r.hex(7)} ${w(r)}(${w(r)}): ${w(r)} the ${w(r)} ${w(r)}\n`;
    }
  },
  pr,
  2_000_000,
);

// ---------- the oracle ----------
export interface Tokens {
  calls: number;
  input: number;
  output: number;
  cache_creation: number;
  cache_read: number;
  reasoning: number;
}
export interface Part {
  files: number;
  lines: number;
  bytes: number;
  llm_calls: number;
  tool_calls: number;
  sessions: number;
  by_model: Record<string, Tokens>;
}
interface SessionTail {
  path: string;
  sid: string;
  cwd: string;
  t: number;
  parent: string | null;
}
export interface Manifest {
  seed: number;
  claude: Part & { sessions_tail?: SessionTail[] };
  codex: Part;
  copilot: Part & { spans: number; attributes: number; events: number };
  appends?: number;
  line_length_chars?: Record<"median" | "p90" | "p99" | "max", number | undefined>;
}
const part = (): Part => ({ files: 0, lines: 0, bytes: 0, llm_calls: 0, tool_calls: 0, sessions: 0, by_model: {} });
let manifest: Manifest = {
  seed: SEED,
  claude: part(),
  codex: part(),
  copilot: { ...part(), spans: 0, attributes: 0, events: 0 },
};
function count(p: Part, model: string, t: Partial<Tokens>): void {
  p.by_model[model] ??= { calls: 0, input: 0, output: 0, cache_creation: 0, cache_read: 0, reasoning: 0 };
  const m = p.by_model[model];
  m.calls++;
  p.llm_calls++;
  for (const k of ["input", "output", "cache_creation", "cache_read", "reasoning"] as const) m[k] += t[k] ?? 0;
}
const lineLens: number[] = [];
function writeLines(path: string, lines: string[], p: Part, endMs: number, append = false): number {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, append ? "a" : "w");
  let total = 0;
  for (let i = 0; i < lines.length; i += 512) {
    const b = Buffer.from(`${lines.slice(i, i + 512).join("\n")}\n`);
    writeSync(fd, b);
    total += b.length;
  }
  closeSync(fd);
  utimesSync(path, endMs / 1000, endMs / 1000);
  p.lines += lines.length;
  p.bytes += total;
  if (!append) p.files++;
  if (lineLens.length < 400_000) for (const l of lines) lineLens.push(l.length);
  return total;
}

// ---------- Claude Code ----------
const CLAUDE_MODELS = [
  "claude-sonnet-4-5-20250929",
  "claude-sonnet-4-5-20250929",
  "claude-sonnet-4-5-20250929",
  "claude-opus-4-5-20251101",
  "claude-haiku-4-5-20251001",
];
const NAMES = ["api-server", "web-ui", "infra", "etl-jobs", "cli", "docs-site", "billing", "mobile-app"];
const iso = (t: number) => new Date(t).toISOString();
type Resume = { lines: string[] } | null;
class Claude {
  lines: string[] = [];
  size = 0;
  parent: string | null = null;
  t: number;
  side: boolean;
  agentId = "";
  cacheTok = 14_000;
  cwd: string;
  model: string;
  constructor(
    private r: Rng,
    private sid: string,
    cwd: string,
    start: number,
    side: boolean,
    private p: Part,
  ) {
    this.t = start;
    this.side = side;
    this.cwd = cwd;
    this.model = r.pick(CLAUDE_MODELS);
    if (side) this.agentId = r.hex(8);
  }
  push(s: string): void {
    this.lines.push(s);
    this.size += s.length + 1;
  }
  head(): string {
    return `{"parentUuid":${this.parent ? `"${this.parent}"` : "null"},"isSidechain":${this.side},"userType":"external","cwd":"${this.cwd}","sessionId":"${this.sid}","version":"2.0.31","gitBranch":"feat/${WORDS[this.sid.charCodeAt(0) % WORDS.length]}"${this.side ? `,"agentId":"${this.agentId}"` : ""}`;
  }
  step(lo: number, hi: number): string {
    this.t += this.r.int(lo, hi);
    return iso(this.t);
  }
  open(): void {
    const r = this.r;
    if (this.side) return;
    if (r.chance(0.3))
      this.push(`{"type":"summary","summary":"${PROSE.take(r, 40).replaceAll("\\n", "")}","leafUuid":"${r.uuid()}"}`);
    const id = r.uuid();
    this.push(
      `{"type":"file-history-snapshot","messageId":"${id}","snapshot":{"messageId":"${id}","trackedFileBackups":{},"timestamp":"${iso(this.t)}"},"isSnapshotUpdate":false}`,
    );
  }
  prompt(): void {
    const r = this.r,
      u = r.uuid();
    this.push(
      `${this.head()},"type":"user","message":{"role":"user","content":"${PROSE.take(r, r.logn(220, 1.1, 20, 20000))}"},"uuid":"${u}","timestamp":"${this.step(2000, 90000)}","thinkingMetadata":{"level":"none","disabled":true,"triggers":[]}}`,
    );
    this.parent = u;
  }
  call(): void {
    const r = this.r,
      mid = `msg_01${r.b62(22)}`,
      req = `req_011C${r.b62(20)}`;
    const nTools = r.chance(0.8) ? (r.chance(0.2) ? 2 : 1) : 0;
    const blocks: string[] = [],
      tools: { id: string; name: string }[] = [];
    if (r.chance(0.25))
      blocks.push(
        `{"type":"thinking","thinking":"${PROSE.take(r, r.logn(800, 0.9, 40, 12000))}","signature":"${r.b62(200)}=="}`,
      );
    if (!nTools || r.chance(0.5)) blocks.push(`{"type":"text","text":"${PROSE.take(r, r.logn(900, 1.0, 20, 20000))}"}`);
    for (let i = 0; i < nTools; i++) {
      const id = `toolu_01${r.b62(22)}`,
        name = r.pick(["Bash", "Bash", "Read", "Read", "Edit", "Write", "Grep", "Glob", "TodoWrite"]);
      const f = `${this.cwd}/src/${w(r)}/${w(r)}.ts`;
      const input =
        name === "Bash"
          ? `{"command":"${SHELL.take(r, 60)}","description":"${PROSE.take(r, 30)}"}`
          : name === "Edit"
            ? `{"file_path":"${f}","old_string":"${CODE.take(r, r.logn(500, 1, 30, 20000))}","new_string":"${CODE.take(r, r.logn(700, 1, 30, 30000))}"}`
            : name === "Write"
              ? `{"file_path":"${f}","content":"${CODE.take(r, r.logn(3500, 1.1, 100, 80000))}"}`
              : name === "TodoWrite"
                ? `{"todos":[{"content":"${PROSE.take(r, 60)}","status":"in_progress","activeForm":"${PROSE.take(r, 60)}"},{"content":"${PROSE.take(r, 60)}","status":"pending","activeForm":"${PROSE.take(r, 60)}"}]}`
                : name === "Read"
                  ? `{"file_path":"${f}"}`
                  : `{"pattern":"${w(r)}.*${w(r)}","path":"${this.cwd}","output_mode":"content"}`;
      blocks.push(`{"type":"tool_use","id":"${id}","name":"${name}","input":${input}}`);
      tools.push({ id, name });
    }
    const out = r.logn(260, 1.1, 4, 32000),
      cc = r.logn(900, 1.2, 0, 60000),
      inp = r.int(1, 12),
      cr = this.cacheTok;
    this.cacheTok = Math.min(190_000, this.cacheTok + cc + out);
    if (this.cacheTok > 185_000) this.cacheTok = 20_000;
    const grows = blocks.length > 1 && r.chance(0.35);
    blocks.forEach((b, i) => {
      const last = i === blocks.length - 1,
        o = grows && !last ? Math.max(1, Math.floor(out / 3)) : out,
        u = r.uuid();
      this.push(
        `${this.head()},"message":{"model":"${this.model}","id":"${mid}","type":"message","role":"assistant","content":[${b}],"stop_reason":${last ? (nTools ? '"tool_use"' : '"end_turn"') : "null"},"stop_sequence":null,"usage":{"input_tokens":${inp},"cache_creation_input_tokens":${cc},"cache_read_input_tokens":${cr},"cache_creation":{"ephemeral_5m_input_tokens":${cc},"ephemeral_1h_input_tokens":0},"output_tokens":${o},"service_tier":"standard"}},"requestId":"${req}","type":"assistant","uuid":"${u}","timestamp":"${this.step(300, 9000)}"}`,
      );
      this.parent = u;
    });
    count(this.p, this.model, { input: inp, output: out, cache_creation: cc, cache_read: cr });
    this.p.tool_calls += tools.length;
    for (const tl of tools) this.result(tl.id, tl.name);
  }
  result(id: string, name: string): void {
    const r = this.r,
      u = r.uuid();
    let content: string, extra: string;
    if (name === "Read") {
      const t = READ.take(r, r.logn(2600, 1.25, 80, 95_000));
      content = t;
      extra = `{"type":"text","file":{"filePath":"${this.cwd}/src/${w(r)}.ts","content":"${t}","numLines":${r.int(20, 2000)},"startLine":1,"totalLines":${r.int(20, 4000)}}}`;
    } else if (name === "Bash" || name === "Grep" || name === "Glob") {
      const t = SHELL.take(r, r.logn(1000, 1.4, 20, 60_000));
      content = t;
      extra =
        name === "Bash"
          ? `{"stdout":"${t}","stderr":"","interrupted":false,"isImage":false}`
          : `{"mode":"content","numFiles":${r.int(0, 40)},"content":"${t}","numLines":${r.int(0, 400)}}`;
    } else if (name === "Edit" || name === "Write") {
      content = `The file has been updated. Here's the result of running cat -n on a snippet:\\n${READ.take(r, 700)}`;
      extra = `{"filePath":"${this.cwd}/src/${w(r)}.ts","oldString":"${CODE.take(r, 300)}","newString":"${CODE.take(r, 420)}","originalFile":"${CODE.take(r, r.logn(4000, 1.1, 200, 90_000))}","structuredPatch":[{"oldStart":${r.int(1, 400)},"oldLines":6,"newStart":${r.int(1, 400)},"newLines":8,"lines":["${CODE.take(r, 60)}","${CODE.take(r, 60)}"]}],"userModified":false,"replaceAll":false}`;
    } else {
      content = "Todos have been modified successfully.";
      extra = `{"oldTodos":[],"newTodos":[]}`;
    }
    this.push(
      `${this.head()},"type":"user","message":{"role":"user","content":[{"tool_use_id":"${id}","type":"tool_result","content":"${content}"${name === "Bash" ? `,"is_error":${r.chance(0.05)}` : ""}}]},"uuid":"${u}","timestamp":"${this.step(20, 20000)}","toolUseResult":${extra}}`,
    );
    this.parent = u;
  }
  odd(): void {
    const r = this.r,
      u = r.uuid();
    if (r.chance(0.5))
      this.push(
        `${this.head()},"type":"system","subtype":"local_command","content":"<command-name>/status</command-name>","level":"info","uuid":"${u}","timestamp":"${this.step(10, 900)}","isMeta":false}`,
      );
    else
      this.push(
        `${this.head()},"type":"assistant","uuid":"${u}","timestamp":"${this.step(10, 900)}","message":{"id":"${r.uuid()}","model":"<synthetic>","role":"assistant","stop_reason":"stop_sequence","stop_sequence":"","type":"message","usage":{"input_tokens":0,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0},"content":[{"type":"text","text":"API Error: Connection error."}]},"isApiErrorMessage":true}`,
      );
    this.parent = u;
  }
  fill(target: number): void {
    while (this.size < target) {
      this.prompt();
      const n = this.r.logn(5, 0.8, 1, 40);
      for (let i = 0; i < n && this.size < target; i++) this.call();
      if (this.r.chance(0.03)) this.odd();
    }
  }
}
function claudeProject(i: number): { slug: string; cwd: string } {
  const cwd = `/home/dev/code/${NAMES[i % NAMES.length]}${i >= NAMES.length ? `-${i}` : ""}`;
  return { slug: cwd.replaceAll(/[/.]/g, "-"), cwd };
}
function genClaude(mb: number, nFiles: number, nProj: number): void {
  const r = new Rng(SEED, 1),
    p = manifest.claude,
    budget = mb * 1e6,
    from = UNTIL - DAYS * 864e5;
  const list: SessionTail[] = [];
  manifest.claude.sessions_tail = list;
  let i = 0,
    older: Resume = null;
  const each = nFiles ? budget / nFiles : 0;
  for (; nFiles ? i < nFiles : p.bytes < budget; i++) {
    const { slug, cwd } = claudeProject(r.int(0, nProj - 1)),
      sid = r.uuid();
    const start =
      Math.floor(from + (nFiles ? i / nFiles : Math.min(1, p.bytes / budget)) * (UNTIL - from - 864e5)) +
      r.int(0, 3600_000);
    const target = nFiles
      ? r.logn(each * 0.83, 0.6, Math.min(2000, each / 2), each * 8)
      : r.logn(600_000, 1.3, 3000, 40_000_000);
    const s = new Claude(r, sid, cwd, start, false, p);
    s.open();
    if (!nFiles && older && r.chance(0.04)) for (const l of older.lines) s.push(l); // resumed: same calls again
    s.fill(nFiles ? target : Math.min(target, Math.max(3000, budget - p.bytes)));
    const path = join(HOME, ".claude/projects", slug, `${sid}.jsonl`);
    writeLines(path, s.lines, p, s.t);
    p.sessions++;
    list.push({ path: path.slice(HOME.length), sid, cwd, t: s.t, parent: s.parent });
    if (list.length > 64) list.shift();
    older = { lines: s.lines.slice(-12) };
    if (!nFiles && r.chance(0.2))
      for (let k = r.int(1, 3); k > 0; k--) {
        const a = new Claude(r, sid, cwd, start + r.int(60_000, 600_000), true, p);
        a.fill(r.logn(150_000, 1, 4000, 3_000_000));
        writeLines(join(HOME, ".claude/projects", slug, sid, "subagents", `agent-${a.agentId}.jsonl`), a.lines, p, a.t);
      }
  }
}
function appendClaude(mb: number, k: number): void {
  manifest = JSON.parse(readFileSync(join(HOME, "manifest.json"), "utf8")) as Manifest;
  const r = new Rng(SEED, 77 + (manifest.appends ?? 0)),
    p = manifest.claude,
    list = (manifest.claude.sessions_tail ?? []).slice(-k);
  manifest.appends = (manifest.appends ?? 0) + 1;
  for (const x of list) {
    const s = new Claude(r, x.sid, x.cwd, x.t, false, p);
    s.parent = x.parent;
    s.fill((mb * 1e6) / list.length);
    x.t = s.t;
    x.parent = s.parent;
    writeLines(join(HOME, x.path), s.lines, p, s.t, true);
  }
}

// ---------- Codex ----------
function genCodex(mb: number): void {
  const r = new Rng(SEED, 2),
    p = manifest.codex,
    from = UNTIL - DAYS * 864e5;
  while (p.bytes < mb * 1e6) {
    const sid = r.uuid(),
      start = Math.floor(from + Math.min(1, p.bytes / (mb * 1e6)) * (UNTIL - from - 864e5)) + r.int(0, 3600_000);
    const { cwd } = claudeProject(r.int(0, 7)),
      model = r.pick(["gpt-5-codex", "gpt-5-codex", "gpt-5.1-codex-max"]);
    const target = r.logn(500_000, 1.2, 20_000, 20_000_000);
    let t = start,
      size = 0;
    const L: string[] = [];
    const tot = { i: 0, c: 0, o: 0, rs: 0 };
    const push = (type: string, payload: string) => {
      t += r.int(3, 4000);
      const s = `{"timestamp":"${iso(t)}","type":"${type}","payload":${payload}}`;
      L.push(s);
      size += s.length + 1;
    };
    push(
      "session_meta",
      `{"id":"${sid}","timestamp":"${iso(start)}","cwd":"${cwd}","originator":"codex_cli_rs","cli_version":"0.58.0","instructions":"${PROSE.take(r, 6000)}","source":"cli","model_provider":"openai","git":{"commit_hash":"${r.hex(40)}","branch":"main","repository_url":"git@example.invalid:dev/x.git"}}`,
    );
    while (size < target) {
      push(
        "turn_context",
        `{"cwd":"${cwd}","approval_policy":"on-request","sandbox_policy":{"mode":"workspace-write","network_access":false},"model":"${model}","effort":"medium","summary":"auto"}`,
      );
      const ask = PROSE.take(r, r.logn(220, 1, 20, 8000));
      push("response_item", `{"type":"message","role":"user","content":[{"type":"input_text","text":"${ask}"}]}`);
      push("event_msg", `{"type":"user_message","message":"${ask}","kind":"plain"}`);
      push(
        "event_msg",
        `{"type":"token_count","info":null,"rate_limits":{"primary":{"used_percent":${r.int(0, 90)}.0,"window_minutes":300,"resets_at":1790000000}}}`,
      );
      for (let n = r.logn(5, 0.8, 1, 40); n > 0 && size < target; n--) {
        if (r.chance(0.7))
          push(
            "response_item",
            `{"type":"reasoning","summary":[{"type":"summary_text","text":"${PROSE.take(r, 80)}"}],"content":null,"encrypted_content":"${r.b62(r.int(400, 1800))}"}`,
          );
        if (r.chance(0.8)) {
          const cid = `call_${r.b62(24)}`;
          push(
            "response_item",
            `{"type":"function_call","name":"shell","arguments":"{\\"command\\":[\\"bash\\",\\"-lc\\",\\"sed -n 1,200p ${w(r)}.ts\\"],\\"workdir\\":\\"${cwd}\\"}","call_id":"${cid}"}`,
          );
          push(
            "response_item",
            `{"type":"function_call_output","call_id":"${cid}","output":"{\\"output\\":\\"${CODE.take(r, r.logn(2200, 1.2, 30, 60_000)).replaceAll("\\", "\\\\\\")}\\",\\"metadata\\":{\\"exit_code\\":0,\\"duration_seconds\\":0.1}}"}`,
          );
          p.tool_calls++;
        } else {
          const a = PROSE.take(r, r.logn(300, 1, 20, 8000));
          push(
            "response_item",
            `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"${a}"}]}`,
          );
          push("event_msg", `{"type":"agent_message","message":"${a}"}`);
        }
        const inp = r.int(9000, 180_000),
          cch = Math.floor(inp * r.f()),
          o = r.logn(240, 1, 4, 16000),
          rs = Math.floor(o * r.f() * 0.6);
        tot.i += inp;
        tot.c += cch;
        tot.o += o;
        tot.rs += rs;
        const us = (x: typeof tot) =>
          `{"input_tokens":${x.i},"cached_input_tokens":${x.c},"output_tokens":${x.o},"reasoning_output_tokens":${x.rs},"total_tokens":${x.i + x.o}}`;
        push(
          "event_msg",
          `{"type":"token_count","info":{"total_token_usage":${us(tot)},"last_token_usage":${us({ i: inp, c: cch, o, rs })},"model_context_window":272000},"rate_limits":{"primary":{"used_percent":${r.int(0, 90)}.0,"window_minutes":300,"resets_at":1790000000}}}`,
        );
        count(p, model, { input: inp, output: o, cache_read: cch, reasoning: rs });
      }
    }
    const d = iso(start);
    writeLines(
      join(
        HOME,
        ".codex/sessions",
        d.slice(0, 4),
        d.slice(5, 7),
        d.slice(8, 10),
        `rollout-${d.slice(0, 19).replaceAll(":", "-")}-${sid}.jsonl`,
      ),
      L,
      p,
      t,
    );
    p.sessions++;
  }
}

// ---------- Copilot agent-traces.db ----------
interface Span {
  id: string;
  trace: string;
  parent: string | null;
  name: string;
  t0: number;
  t1: number;
  status?: number;
  op: string;
  provider?: string;
  conv: string;
  model?: string;
  inp?: number;
  out?: number;
  cached?: number;
  rs?: number;
  tool?: string;
  call?: string;
  turn: number;
  ttft?: number;
}
function genCopilot(nSpans: number): void {
  const r = new Rng(SEED, 3),
    p = manifest.copilot,
    from = UNTIL - DAYS * 864e5;
  const dir = join(HOME, ".config/Code/User/globalStorage/github.copilot-chat");
  mkdirSync(dir, { recursive: true });
  const db = new Database(join(dir, "agent-traces.db"), { create: true });
  db.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;
    CREATE TABLE schema_version (version INTEGER PRIMARY KEY); INSERT INTO schema_version VALUES (1);
    CREATE TABLE spans (span_id TEXT PRIMARY KEY, trace_id TEXT NOT NULL, parent_span_id TEXT, name TEXT NOT NULL, start_time_ms INTEGER NOT NULL, end_time_ms INTEGER NOT NULL,
      status_code INTEGER NOT NULL DEFAULT 0, status_message TEXT, operation_name TEXT, provider_name TEXT, agent_name TEXT, conversation_id TEXT, request_model TEXT, response_model TEXT,
      input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER, reasoning_tokens INTEGER, tool_name TEXT, tool_call_id TEXT, tool_type TEXT, chat_session_id TEXT, turn_index INTEGER, ttft_ms REAL);
    CREATE TABLE span_attributes (span_id TEXT NOT NULL REFERENCES spans(span_id) ON DELETE CASCADE, key TEXT NOT NULL, value TEXT, PRIMARY KEY (span_id, key));
    CREATE TABLE span_events (id INTEGER PRIMARY KEY AUTOINCREMENT, span_id TEXT NOT NULL REFERENCES spans(span_id) ON DELETE CASCADE, name TEXT NOT NULL, timestamp_ms INTEGER NOT NULL, attributes TEXT);
    CREATE INDEX idx_spans_trace ON spans(trace_id); CREATE INDEX idx_spans_conversation ON spans(conversation_id); CREATE INDEX idx_spans_chat_session ON spans(chat_session_id);
    CREATE INDEX idx_spans_operation ON spans(operation_name); CREATE INDEX idx_spans_start_time ON spans(start_time_ms); CREATE INDEX idx_span_events_span ON span_events(span_id);`);
  const insS = db.prepare(`INSERT INTO spans VALUES (${Array(24).fill("?").join(",")})`);
  const insA = db.prepare("INSERT INTO span_attributes VALUES (?,?,?)"),
    insE = db.prepare("INSERT INTO span_events(span_id,name,timestamp_ms,attributes) VALUES (?,?,?,?)");
  const raw = (e: string) => JSON.parse(`"${e}"`) as string;
  let n = 0;
  const put = (s: Span, extra: [string, unknown][]) => {
    insS.run(
      s.id,
      s.trace,
      s.parent,
      s.name,
      s.t0,
      s.t1,
      s.status ?? 1,
      null,
      s.op,
      s.provider ?? null,
      "copilot",
      s.conv,
      s.model ?? null,
      s.model ?? null,
      s.inp ?? null,
      s.out ?? null,
      s.cached ?? null,
      s.rs ?? null,
      s.tool ?? null,
      s.call ?? null,
      s.tool ? "function" : null,
      s.conv,
      s.turn,
      s.ttft ?? null,
    );
    const base: [string, unknown][] = [
      ["gen_ai.operation.name", s.op],
      ["gen_ai.conversation.id", s.conv],
      ["gen_ai.agent.name", "copilot"],
      ["gen_ai.agent.id", "github.copilot.editsAgent"],
      ["gen_ai.agent.version", "0.44.1"],
      ["copilot_chat.chat_session_id", s.conv],
      ["copilot_chat.session_id", s.conv],
      ["copilot_chat.turn.index", s.turn],
      ["copilot_chat.location", "panel"],
      ["copilot_chat.intent", "agent"],
      ["copilot_chat.debug_name", "panel/editAgent"],
      ["session.id", s.conv],
      ["service.name", "copilot-chat"],
      ["vscode.version", "1.108.0"],
      ["os.type", "linux"],
      ["server.address", "api.example.invalid"],
    ];
    const all = [...base, ...extra];
    for (const [k, v] of all) insA.run(s.id, k, String(v));
    p.attributes += all.length;
    p.spans++;
    n++;
    if (r.chance(0.15)) {
      insE.run(
        s.id,
        "gen_ai.client.inference.operation.details",
        s.t1,
        `{"gen_ai.response.id":"${r.uuid()}","n":${r.int(1, 9)}}`,
      );
      p.events++;
    }
  };
  while (n < nSpans) {
    db.exec("BEGIN");
    for (let k = 0; k < 200 && n < nSpans; k++) {
      const conv = r.uuid(),
        model = r.pick(["gpt-5", "claude-sonnet-4.5", "gemini-2.5-pro"]);
      p.sessions++;
      let t = Math.floor(from + (n / nSpans) * (UNTIL - from - 864e5));
      for (let turn = 0, turns = r.int(1, 6); turn < turns && n < nSpans; turn++) {
        const trace = r.hex(32),
          root = r.hex(16),
          t0 = t;
        let calls = r.int(1, 9);
        while (calls-- > 0 && n < nSpans - 1) {
          const inp = r.int(4000, 120_000),
            out = r.logn(260, 1, 4, 16000),
            cached = Math.floor(inp * r.f()),
            rs = r.chance(0.3) ? r.int(10, 900) : 0,
            a = t;
          t += r.int(900, 15000);
          put(
            {
              id: r.hex(16),
              trace,
              parent: root,
              name: `chat ${model}`,
              t0: a,
              t1: t,
              op: "chat",
              provider: "github",
              conv,
              model,
              inp,
              out,
              cached,
              rs,
              turn,
              ttft: r.int(200, 3000) + 0.5,
            },
            [
              ["gen_ai.provider.name", "github"],
              ["gen_ai.request.model", model],
              ["gen_ai.response.model", model],
              ["gen_ai.response.id", r.uuid()],
              ["gen_ai.response.finish_reasons", '["stop"]'],
              ["gen_ai.request.max_tokens", 16000],
              ["gen_ai.request.temperature", 0.1],
              ["gen_ai.usage.input_tokens", inp],
              ["gen_ai.usage.output_tokens", out],
              ["gen_ai.usage.cache_read.input_tokens", cached],
              ["gen_ai.usage.reasoning_tokens", rs],
              ["copilot_chat.time_to_first_token", r.int(200, 3000)],
              ["copilot_chat.server_request_id", r.uuid()],
              ["gen_ai.input.messages", raw(PROSE.take(r, r.logn(900, 1, 50, 30000)))],
              ["gen_ai.output.messages", raw(PROSE.take(r, r.logn(300, 1, 20, 8000)))],
            ],
          );
          count(p, model, { input: inp, output: out, cache_read: cached, reasoning: rs });
          if (r.chance(0.8) && n < nSpans - 1) {
            const tool = r.pick(["read_file", "run_in_terminal", "apply_patch", "grep_search"]),
              b = t,
              cid = `call_${r.b62(24)}`;
            t += r.int(10, 9000);
            put(
              {
                id: r.hex(16),
                trace,
                parent: root,
                name: `execute_tool ${tool}`,
                t0: b,
                t1: t,
                op: "execute_tool",
                conv,
                tool,
                call: cid,
                turn,
                status: r.chance(0.04) ? 2 : 1,
              },
              [
                ["gen_ai.tool.name", tool],
                ["gen_ai.tool.type", "function"],
                ["gen_ai.tool.call.id", cid],
                ["gen_ai.tool.description", raw(PROSE.take(r, 80))],
                ["gen_ai.tool.call.arguments", JSON.stringify({ filePath: `/w/${w(r)}.ts`, startLine: r.int(1, 900) })],
                ["gen_ai.tool.call.result", raw(CODE.take(r, r.logn(700, 1, 20, 20000)))],
                ["copilot_chat.tool_call_round", turn],
                ["gen_ai.output.type", "text"],
              ],
            );
            p.tool_calls++;
          }
        }
        put(
          {
            id: root,
            trace,
            parent: null,
            name: "invoke_agent copilot",
            t0,
            t1: t,
            op: "invoke_agent",
            provider: "github",
            conv,
            model,
            turn,
          },
          [
            ["gen_ai.request.model", model],
            ["copilot_chat.turn_count", turn + 1],
            ["copilot_chat.user_request", raw(PROSE.take(r, 200))],
            ["gen_ai.provider.name", "github"],
          ],
        );
        t += r.int(5000, 60_000);
      }
    }
    db.exec("COMMIT");
  }
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}

// ---------- main ----------
mkdirSync(HOME, { recursive: true });
if (argv.includes("--append-mb")) appendClaude(Number(opt("append-mb", "1")), Number(opt("append-files", "8")));
else {
  if (Number(opt("claude-mb", "0")))
    genClaude(Number(opt("claude-mb", "0")), Number(opt("claude-files", "0")), Number(opt("projects", "24")));
  if (Number(opt("codex-mb", "0"))) genCodex(Number(opt("codex-mb", "0")));
  if (Number(opt("copilot-spans", "0"))) genCopilot(Number(opt("copilot-spans", "0")));
}
if (lineLens.length) {
  lineLens.sort((a, b) => a - b);
  const q = (x: number) => lineLens[Math.min(lineLens.length - 1, Math.floor(x * lineLens.length))];
  manifest.line_length_chars = { median: q(0.5), p90: q(0.9), p99: q(0.99), max: q(1) };
}
writeFileSync(join(HOME, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
const { claude, codex, copilot } = manifest;
console.log(
  JSON.stringify({
    claude: { files: claude.files, lines: claude.lines, bytes: claude.bytes, calls: claude.llm_calls },
    codex: { files: codex.files, lines: codex.lines, bytes: codex.bytes, calls: codex.llm_calls },
    copilot: { spans: copilot.spans, attributes: copilot.attributes, calls: copilot.llm_calls },
    line: manifest.line_length_chars,
  }),
);
