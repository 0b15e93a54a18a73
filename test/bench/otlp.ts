/** Owns the benchmark of sending: 100,000 spans to a receiver on loopback, spans per CPU-second, and memory beside 10,000. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { callLines, sessionPath } from "../support/claude.ts";

const ROUNDS = Number(process.env.WEIR_BENCH_ROUNDS ?? 5);
const PER_SESSION = 1000;

interface Measured {
  readonly cpu: number;
  readonly wall: number;
  readonly rss: number;
}

function archiveOf(weir: string, calls: number, folder: string): void {
  const [home, data] = [join(folder, "home"), join(folder, "data")];
  for (let from = 0; from < calls; from += PER_SESSION) {
    const session = `${String(from).padStart(8, "0")}-2222-4333-8444-555555555555`;
    const path = join(home, sessionPath(session));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, callLines(from + 1, from + PER_SESSION + 1, session));
  }
  const { success } = Bun.spawnSync([weir, "sync", "--quiet", "--home", home, "--data-dir", data]);
  if (!success) throw new Error("sync failed");
}

function send(weir: string, data: string, to: string, protocol: string): Measured {
  const begun = performance.now();
  const run = Bun.spawnSync([weir, "export", "--data-dir", data, "--to", to, "--protocol", protocol, "--quiet"]);
  if (!run.success) throw new Error(run.stderr.toString());
  const { cpuTime, maxRSS } = run.resourceUsage;
  return { cpu: Number(cpuTime.total) / 1e6, wall: (performance.now() - begun) / 1000, rss: maxRSS / 1e6 };
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "weir-bench-otlp-"));
  const sink = Bun.spawn([process.execPath, import.meta.path, "sink"], { stdout: "pipe" });
  try {
    const weir = join(folder, "weir");
    await Bun.spawn([process.execPath, "run", join(import.meta.dir, "../../build.ts"), "--outfile", weir]).exited;
    const port = new TextDecoder().decode((await sink.stdout.getReader().read()).value).trim();
    const to = `http://127.0.0.1:${port}`;
    for (const calls of [10_000, 100_000]) {
      const data = join(folder, String(calls), "data");
      // In a process of its own: what this one holds would be counted as its children's memory.
      await Bun.spawn([process.execPath, import.meta.path, "archive", weir, String(calls), dirname(data)]).exited;
      for (const protocol of ["http/protobuf", "http/json"]) {
        const rounds = Array.from({ length: ROUNDS }, () => send(weir, data, to, protocol));
        const cpu = median(rounds.map((r) => r.cpu));
        const spans = calls + calls / PER_SESSION;
        console.log(
          [
            `${spans} spans, ${protocol}`,
            `${Math.round(spans / cpu)} spans per CPU-second`,
            `${cpu.toFixed(2)} s CPU`,
            `${median(rounds.map((r) => r.wall)).toFixed(2)} s`,
            `${Math.round(median(rounds.map((r) => r.rss)))} MB`,
          ].join("; "),
        );
      }
    }
  } finally {
    sink.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === "sink") {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      await request.arrayBuffer();
      return new Response(new Uint8Array(), { headers: { "content-type": request.headers.get("content-type") ?? "" } });
    },
  });
  console.log(server.port);
} else if (process.argv[2] === "archive") {
  const [, , , weir = "", calls = "0", folder = ""] = process.argv;
  archiveOf(weir, Number(calls), folder);
} else await main();
