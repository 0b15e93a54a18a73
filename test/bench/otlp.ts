/** Owns the benchmark of sending: spans to a receiver on loopback, spans per CPU-second, every send checked. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { callLines, sessionPath } from "../support/claude.ts";
import { protobufSpans } from "../support/otlp.ts";
import { type Command, peaks, run, spread } from "./measure.ts";
import { ENV, must, NOWHERE } from "./peers.ts";

const PER_SESSION = 1000;

/** What a sink got since it was asked last. */
interface Sums {
  readonly spans: number;
  readonly ids: number;
  readonly inputTokens: number;
}

export interface Sending {
  readonly spans: number;
  readonly rounds: number;
  readonly perCpuSecond: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly peakMiB: number;
}

/** Sends an archive of so many calls `rounds` times; throws when the receiver did not get each span once, or other bytes. */
export async function measureSending(weir: string, calls: number, folder: string, rounds: number): Promise<Sending> {
  const spans = calls + calls / PER_SESSION; // a turn a session
  const inputTokens = (calls * (calls + 1)) / 2; // call n has n
  // In processes of their own: what this one holds would be counted as its children's memory.
  must([process.execPath, import.meta.path, "archive", weir, String(calls), folder]);
  const sink = Bun.spawn([process.execPath, import.meta.path, "sink"], { stdout: "pipe" });
  try {
    const to = `http://127.0.0.1:${new TextDecoder().decode((await sink.stdout.getReader().read()).value).trim()}`;
    const send: Command = {
      cmd: [weir, "export", "--quiet", "--data-dir", join(folder, "data"), "--to", to],
      env: { ...ENV, HOME: NOWHERE },
      async after() {
        const got = (await (await fetch(to)).json()) as Sums;
        if (got.spans !== spans || got.ids !== spans || got.inputTokens !== inputTokens)
          throw new Error(`expected ${spans} spans with ${inputTokens} tokens, the sink got ${JSON.stringify(got)}`);
      },
    };
    const runs = [];
    while (runs.length < rounds) runs.push(await run(send));
    const cpuMs = spread(runs.map((r) => r.cpuMs)).median;
    return {
      spans,
      rounds,
      perCpuSecond: (spans / cpuMs) * 1000,
      cpuMs,
      wallMs: spread(runs.map((r) => r.wallMs)).median,
      peakMiB: spread(await peaks(send, rounds)).median,
    };
  } finally {
    sink.kill();
    await sink.exited;
  }
}

function archiveOf(weir: string, calls: number, folder: string): void {
  const [home, data] = [join(folder, "home"), join(folder, "data")];
  for (let from = 0; from < calls; from += PER_SESSION) {
    const session = `${String(from).padStart(8, "0")}-2222-4333-8444-555555555555`;
    const path = join(home, sessionPath(session));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, callLines(from + 1, from + PER_SESSION + 1, session));
  }
  must([weir, "sync", "--quiet", "--home", home, "--data-dir", data], { ...ENV, HOME: NOWHERE });
}

/** Takes everything at once, and looks at it when it is asked; bytes that it has seen before, it knows. */
function sink(): void {
  let got: Uint8Array<ArrayBuffer>[] = [];
  const known = new Map<string, { readonly ids: readonly string[]; readonly inputTokens: number }>();
  const seen = (packed: Uint8Array<ArrayBuffer>): { readonly ids: readonly string[]; readonly inputTokens: number } => {
    const hash = createHash("sha256").update(packed).digest("hex");
    const before = known.get(hash);
    if (before) return before;
    const spans = protobufSpans(Bun.gunzipSync(packed));
    const tokens = spans.map((span) => Number(span.attributes["gen_ai.usage.input_tokens"] ?? 0));
    const made = { ids: spans.map((span) => span.spanId), inputTokens: tokens.reduce((sum, n) => sum + n, 0) };
    known.set(hash, made);
    return made;
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 120,
    async fetch(request) {
      if (request.method === "GET") {
        const all = got.map(seen);
        got = [];
        const ids = all.flatMap((one) => one.ids);
        const inputTokens = all.reduce((sum, one) => sum + one.inputTokens, 0);
        return Response.json({ spans: ids.length, ids: new Set(ids).size, inputTokens } satisfies Sums);
      }
      got.push(new Uint8Array(await request.arrayBuffer()));
      return new Response(new Uint8Array(), { headers: { "content-type": request.headers.get("content-type") ?? "" } });
    },
  });
  console.log(server.port);
}

if (import.meta.main) {
  const [, , what, weir = "", calls = "0", folder = ""] = process.argv;
  if (what === "sink") sink();
  else if (what === "archive") archiveOf(weir, Number(calls), folder);
}
