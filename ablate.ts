import { closeSync, openSync, readdirSync, statSync } from "node:fs";
import { claudeCode } from "./src/agents/claude-code/claude-code.ts";
import { OutputBatch } from "./src/archive/batch.ts";
import { Ledger } from "./src/archive/ledger.ts";
import { readPieces } from "./src/read/tail.ts";
import { Encoder } from "./src/record/encode.ts";

const level = Number(process.argv[2]);
const corp = process.argv[3] ?? "c1g";
const stream: any = claudeCode.streams[0];
const dir = "/tmp/corp/" + corp + "/.claude/projects";
let n = 0,
  lines = 0,
  rec = 0;
const out = new OutputBatch();
const c0 = process.cpuUsage();
for (const d of readdirSync(dir))
  for (const e of readdirSync(dir + "/" + d, { recursive: true }) as string[]) {
    if (!e.endsWith(".jsonl")) continue;
    const p = dir + "/" + d + "/" + e;
    const fd = openSync(p, "r");
    const size = statSync(p).size;
    const state = stream.start({
      path: `projects/${d}/${e}`,
      stem: e.split("/").pop()!.replace(".jsonl", ""),
      sidecars: {},
    });
    const ledger = new Ledger();
    const origin = {
      agent: "claude-code",
      stream: "transcript",
      path: ".claude/projects/" + d + "/" + e,
      host: "0123456789abcdef",
      homes: ["/tmp/corp/" + corp],
    };
    const encoder = new Encoder(origin);
    const manner = { soft: false, monotone: true };
    let off = 0;
    const emit: any = (draft: any) => {
      rec++;
      if (level < 3) return;
      const r = encoder.encode(draft, draft.at ?? { offset: off });
      if (level < 4) {
        n += r.content;
        return;
      }
      const rev = ledger.judge(r, manner);
      if (rev === undefined || level < 5) return;
      const l = r.line(rev);
      if (level < 6) {
        n += l.length;
        return;
      }
      out.add(l);
      if (out.length > 4 << 20) out.clear();
    };
    emit.unknown = () => {};
    emit.lost = () => {};
    emit.captures = false;
    emit.keep = () => undefined;
    for (const piece of readPieces(fd, 0, size, stream.reads))
      for (const line of piece.lines) {
        lines++;
        off = line.offset;
        if (level === 0) {
          n += line.length;
          continue;
        }
        if (level === 1) {
          const o = line.json();
          n += o.type ? 1 : 0;
          continue;
        }
        stream.step(state, line, emit);
      }
    if (level > 1) stream.open(state, emit);
    closeSync(fd);
  }
const c = process.cpuUsage(c0);
console.log(
  "level",
  level,
  "cpu ms",
  ((c.user + c.system) / 1000).toFixed(0),
  "lines",
  lines,
  "rec",
  rec,
  "n",
  n,
  "rss",
  (process.memoryUsage().rss / 1e6).toFixed(0),
);
