/** Owns destinations in the tests' own process: what is posted to them is kept, or refused while they fail. */

import { checksum } from "../support/facts.ts";
import { isOfKinds } from "../support/kinds.ts";
import { protobufSpans } from "../support/otlp.ts";

export interface Destination extends Disposable {
  readonly name: string;
  readonly url: string;
  /** The requests that it has taken, as they came. */
  readonly got: Uint8Array[];
  /** While it is true, it answers that it is not available. */
  failing: boolean;
  /** It has had everything once, so that retention must wait for it. */
  isRegistered: boolean;
  /** The facts that it has had. Throws when one came in two requests that are not the same. */
  facts(): ReadonlySet<number>;
}

const OTLP = { headers: { "content-type": "application/x-protobuf" } };
const byHost = new Map<string, Destination>();
let hosts = 0;
const real = globalThis.fetch;

async function answer(url: string, init: RequestInit): Promise<Response> {
  const to = byHost.get(new URL(url).host);
  if (!to) throw Object.assign(new Error("nobody there"), { code: "ECONNREFUSED" });
  if (to.failing) return new Response("", { status: 503 });
  to.got.push(Uint8Array.from(init.body as Uint8Array));
  return new Response(new Uint8Array(), OTLP);
}

/** New destinations. While any is there, nothing that this process posts leaves it. */
export function destinations(...names: string[]): Destination[] {
  globalThis.fetch = answer as unknown as typeof fetch;
  return names.map((name) => {
    const host = `${name}${++hosts}.invalid`;
    const destination: Destination = {
      name,
      url: `http://${host}`,
      got: [],
      failing: false,
      isRegistered: false,
      facts: () => factsSent(name, destination.got),
      [Symbol.dispose]() {
        byHost.delete(host);
        if (byHost.size === 0) globalThis.fetch = real;
      },
    };
    byHost.set(host, destination);
    return destination;
  });
}

/** The facts of `Kinds` in requests, of equal requests once. Throws when a fact is garbled, or in two that differ. */
export function factsSent(name: string, got: readonly Uint8Array[]): Set<number> {
  const facts = new Set<number>();
  const seen = new Set<bigint | number>();
  for (const raw of got) {
    const { hash, numbers } = decoded(raw);
    if (seen.has(hash)) continue;
    seen.add(hash);
    for (const n of numbers) {
      if (facts.has(n)) throw new Error(`${name} got fact ${n} twice`);
      facts.add(n);
    }
  }
  return facts;
}

interface Decoded {
  readonly hash: bigint | number;
  readonly numbers: readonly number[];
}

/** Each request is decoded once. */
const known = new WeakMap<Uint8Array, Decoded>();

function decoded(raw: Uint8Array): Decoded {
  const before = known.get(raw);
  if (before) return before;
  const numbers = protobufSpans(Bun.gunzipSync(Uint8Array.from(raw))).flatMap(({ attributes, spanId, resource }) => {
    const n = Number(attributes["gen_ai.usage.input_tokens"] ?? Number.NaN);
    const isOurs = isOfKinds(String(resource["service.name"]), String(attributes["gen_ai.response.id"]));
    if (Number.isNaN(n) || !isOurs) return [];
    if (attributes["gen_ai.usage.output_tokens"] !== checksum(n)) throw new Error(`span ${spanId} was sent garbled`);
    return [n];
  });
  const result = { hash: Bun.hash(raw), numbers };
  known.set(raw, result);
  return result;
}
