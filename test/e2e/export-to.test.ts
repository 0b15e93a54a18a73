/** Proves `weir export --to` on real receivers: what is sent, once, with `--new` only what is new, and what every refusal becomes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { callLines, sessionPath } from "../support/claude.ts";
import { bytesBelow, type Scratch, scratch } from "../support/home.ts";
import { jsonSpans, protobufSpans, receiver } from "../support/otlp.ts";
import { runExport, runSync } from "../support/runs.ts";
import { archiveOf, SESSION, send } from "../support/sending.ts";
import { startWeir } from "../support/weir.ts";

let place: Scratch;
/** 250 calls and their turns. */
beforeAll(() => {
  place = archiveOf(250);
});
afterAll(() => place[Symbol.dispose]());

const SPANS = 253;

/** A receiver's address where nobody listens any more. */
async function closed(): Promise<{ readonly url: string }> {
  await using to = await receiver();
  return { url: to.url };
}

describe("weir export --to", () => {
  test("sends every span once, as protobuf, compressed", async () => {
    await using to = await receiver();
    const { status, stderr } = await send(place, ["--to", to.url]);
    expect(stderr).toContain("accepted the first batch");
    expect(status).toBe(0);
    const [got] = to.got;
    expect(got?.path).toBe("/v1/traces");
    expect(got?.headers["content-type"]).toBe("application/x-protobuf");
    expect(got?.headers["content-encoding"]).toBe("gzip");
    expect(new Set(to.spanIds()).size).toBe(SPANS);
    expect(to.spanIds()).toHaveLength(SPANS);
  });

  test("sends the same as JSON", async () => {
    await using first = await receiver();
    await using second = await receiver();
    await send(place, ["--to", first.url]);
    await send(place, ["--to", second.url, "--protocol", "http/json", "--compress", "none"]);
    const [json] = second.got;
    expect(json?.headers["content-type"]).toBe("application/json");
    expect(json?.headers["content-encoding"]).toBeUndefined();
    expect(jsonSpans(json!.body)).toEqual(protobufSpans(first.got[0]!.body));
  });

  test("--new sends what this destination has not had", async () => {
    using own = archiveOf(100);
    await using to = await receiver();
    expect((await send(own, ["--to", to.url, "--new"])).status).toBe(0);
    const before = to.got.length;
    const again = await send(own, ["--to", to.url, "--new"]);
    expect(again.stderr).toContain("nothing new");
    expect(to.got).toHaveLength(before);
    own.write(sessionPath(SESSION), callLines(500, 510, SESSION).replaceAll("2026-11-21", "2025-03-01"));
    runSync(own);
    await send(own, ["--to", to.url, "--new"]);
    expect(to.spanIds()).toHaveLength(112);
    expect(new Set(to.spanIds()).size).toBe(112);
  });

  test("--new sends a call once, however its session is cut and under whichever fact it is told first", async () => {
    using own = scratch({ fast: true });
    await using to = await receiver();
    const path = ".kimi-code/sessions/wd_project-a_4394911a6a79/session_6d771bda-6995-44f5-8f47-9958cce9fcf3";
    const wire = `${path}/agents/main/wire.jsonl`;
    const fixture = join(import.meta.dir, "../../fixtures/agents/kimi-code/home", wire);
    const lines = readFileSync(fixture, "utf8")
      .replaceAll(/\b179(\d{10})\b/g, "175$1")
      .trimEnd()
      .split("\n");
    for (let count = 1; count <= lines.length; count++) {
      own.write(wire, `${lines.slice(0, count).join("\n")}\n`);
      runSync(own);
      expect((await send(own, ["--to", to.url, "--new"])).status).toBe(0);
    }
    const calls = to.got.flatMap(({ body }) => protobufSpans(body)).filter(({ name }) => name.startsWith("chat"));
    expect(calls).toHaveLength(2);
    expect(new Set(calls.map(({ spanId }) => spanId)).size).toBe(calls.length);
  });

  test("--new waits for a turn that is not over", async () => {
    using own = scratch({ fast: true });
    const now = new Date().toISOString().slice(0, 19);
    own.write(sessionPath(SESSION), callLines(1, 2, SESSION).replace(/"timestamp":"[^"]{19}/, `"timestamp":"${now}`));
    runSync(own);
    await using to = await receiver();
    const { stderr } = await send(own, ["--to", to.url, "--new"]);
    expect(stderr).toContain("2 spans of open turns wait");
    expect(to.got).toHaveLength(0);
    await send(own, ["--to", to.url]);
    expect(to.spanIds()).toHaveLength(2);
  });

  test("metrics of a part of the archive, which take the place of the whole's, are put right by the next whole run", async () => {
    using own = archiveOf(150);
    await using to = await receiver();
    const metrics = ["--to", to.url, "--signals", "metrics", "--compress", "none"];
    await send(own, [...metrics, "--new"]);
    const whole = to.got.at(-1)!.body;
    const part = await send(own, [...metrics, "--new", "--session", SESSION.replace(/^.{8}/, "00000000")]);
    expect(part.stderr).toContain("metrics of a part of the archive");
    expect(to.got).toHaveLength(2);
    expect(to.got[1]!.body).not.toEqual(whole);
    await send(own, [...metrics, "--new"]);
    expect(to.got).toHaveLength(3);
    expect(to.got[2]!.body).toEqual(whole);
    expect((await send(own, [...metrics, "--new"])).stderr).toContain("nothing new");
  });

  test("tells destinations apart, by their address and by a fragment", async () => {
    using own = archiveOf(10);
    await using a = await receiver();
    await using b = await receiver();
    for (const to of [a.url, b.url, `${a.url}#second`]) await send(own, ["--to", to, "--new"]);
    expect(a.got).toHaveLength(2);
    expect(b.got).toHaveLength(1);
  });

  test("--to otel takes address, headers, protocol and attributes from the environment", async () => {
    await using to = await receiver();
    const { status } = await send(place, ["--to", "otel"], {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${to.url}/base/`,
      OTEL_EXPORTER_OTLP_HEADERS: "x-one=a%20b,authorization=Basic%20c2VjcmV0",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-one=traces",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_COMPRESSION: "none",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,team=a%2Cb",
      OTEL_SERVICE_NAME: "mine",
    });
    expect(status).toBe(0);
    const [got] = to.got;
    expect(got?.path).toBe("/base/v1/traces");
    expect(got?.headers).toMatchObject({ "x-one": "traces", authorization: "Basic c2VjcmV0" });
    expect(jsonSpans(got!.body)[0]?.resource).toMatchObject({
      "service.name": "mine",
      "deployment.environment.name": "test",
      team: "a,b",
    });
  });

  test("another host than the environment's endpoint gets none of its headers, which is said without their values", async () => {
    await using to = await receiver();
    const { status, stderr } = await send(place, ["--to", to.url], {
      OTEL_EXPORTER_OTLP_ENDPOINT: "https://cloud.example",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=hush",
    });
    expect(status).toBe(0);
    expect(stderr).toContain("(authorization) are for the endpoint that it names");
    expect(stderr).not.toContain("hush");
    expect(to.got[0]?.headers).not.toHaveProperty("authorization");
  });

  test("a signal's own endpoint is used untouched", async () => {
    await using to = await receiver();
    await send(place, ["--to", "otel"], { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${to.url}/here` });
    expect(to.got[0]?.path).toBe("/here");
  });

  test("--json says what the destination did", async () => {
    using own = archiveOf(10);
    await using to = await receiver();
    const says = async (...args: string[]): Promise<unknown> =>
      JSON.parse((await send(own, ["--json", "--to", to.url, ...args])).stdout);
    const about = { schema: "weir.export", version: 1, destination: to.url, stopped: false, disabled: false };
    const first = await says("--new");
    expect(first).toMatchObject({ ...about, accepted: { traces: 11 }, batches: 1, rejected: 0, open: 0 });
    expect(await says("--new")).toMatchObject({ ...about, accepted: { traces: 0 }, batches: 0, bytes: 0 });
    to.fault = () => ({ partial: 3 });
    expect(await says()).toMatchObject({ ...about, accepted: { traces: 8 }, rejected: 3 });
  });

  test("--json says also of a failure how much was accepted before it", async () => {
    await using to = await receiver();
    to.fault = ({ path }) => (path === "/v1/logs" ? { status: 401 } : undefined);
    const { status, stdout, stderr } = await send(place, ["--json", "--to", to.url, "--signals", "traces,logs"]);
    expect(status).toBe(7);
    expect(stderr).toContain("credentials");
    expect(JSON.parse(stdout)).toMatchObject({ accepted: { traces: SPANS, logs: 0 }, batches: 1, stopped: false });
  });

  test("of an outage it is told how much waits, whatever the destination has had before", async () => {
    using own = archiveOf(10);
    await using to = await receiver();
    const sent = () => send(own, ["--to", to.url, "--new", "--retry-for", "1s"]);
    expect((await sent()).status).toBe(0);
    own.write(sessionPath(SESSION), callLines(500, 502, SESSION).replaceAll("2026-11-21", "2025-03-01"));
    runSync(own);
    to.fault = () => ({ status: 503 });
    for (let n = 0; n < 2; n++)
      expect(await sent()).toMatchObject({ status: 7, stderr: expect.stringMatching(/503.*; 3 waiting/) });
  });

  test("an endpoint in the environment never sends by itself", async () => {
    await using to = await receiver();
    const { status } = runExport(place, [], { env: { OTEL_EXPORTER_OTLP_ENDPOINT: to.url } });
    expect(status).toBe(0);
    expect(to.got).toHaveLength(0);
  });

  test("OTEL_SDK_DISABLED sends nothing and says so", async () => {
    await using to = await receiver();
    const { status, stderr } = await send(place, ["--to", to.url], { OTEL_SDK_DISABLED: "true" });
    expect(status).toBe(0);
    expect(stderr).toContain("OTEL_SDK_DISABLED");
    expect(to.got).toHaveLength(0);
  });

  test("no proxy that the environment names sees anything", async () => {
    await using to = await receiver();
    await using proxy = await receiver();
    const env = { HTTP_PROXY: proxy.url, http_proxy: proxy.url, ALL_PROXY: proxy.url, NO_PROXY: "" };
    expect((await send(place, ["--to", to.url], env)).status).toBe(0);
    expect(proxy.got).toHaveLength(0);
    expect(to.got).toHaveLength(1);
  });

  const FAILURES = [
    ["unauthorized", { status: 401 }, "credentials"],
    ["a wrong path", { status: 404 }, "base address"],
    ["a redirect", { status: 307, headers: { location: "http://127.0.0.1:1/" } }, "never followed"],
    ["an internal error", { status: 500 }, "answered 500"],
    ["overload for too long", { status: 429, headers: { "retry-after": "120" } }, "asks to wait 120 s"],
    ["a web page", { page: true }, "not as an OTLP receiver"],
    ["a broken answer", { reset: true }, "conne"],
    ["silence", { hang: true }, "no answer in time"],
  ] as const;
  for (const [title, fault, reason] of FAILURES) {
    test(`${title} is exit 7 with destination and reason, and nothing is lost`, async () => {
      using own = archiveOf(10);
      await using to = await receiver();
      to.fault = () => fault;
      const env = { OTEL_EXPORTER_OTLP_TIMEOUT: "300", OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20hush-hush" };
      const failed = await send(own, ["--to", `${to.url}/otlp?key=hush`, "--new", "--retry-for", "1s", "--debug"], env);
      expect(failed.status).toBe(7);
      expect(failed.stderr).toContain(to.url);
      expect(failed.stderr).toContain(reason);
      expect(failed.stderr).not.toContain("hush");
      expect(bytesBelow(own.data).includes("hush")).toBe(false);
      to.fault = () => undefined;
      expect((await send(own, ["--to", `${to.url}/otlp?key=hush`, "--new"])).status).toBe(0);
      expect(to.spanIds()).toHaveLength(11);
    });
  }

  test("waits as long as it is asked to, in both forms", async () => {
    for (const wait of ["1", () => new Date(Date.now() + 2000).toUTCString()]) {
      await using to = await receiver();
      const value = typeof wait === "string" ? wait : wait();
      to.fault = ({ number }) => (number === 0 ? { status: 503, headers: { "retry-after": value } } : undefined);
      const begun = Date.now();
      expect((await send(place, ["--to", to.url])).status).toBe(0);
      expect(Date.now() - begun).toBeGreaterThan(800);
      expect(to.got[0]?.raw).toEqual(to.got[1]!.raw);
    }
  });

  test("does not ask again and again without a pause where it is asked to wait no time", async () => {
    await using to = await receiver();
    to.fault = () => ({ status: 503, headers: { "retry-after": "0" } });
    expect((await send(place, ["--to", to.url, "--retry-for", "2s"])).status).toBe(7);
    expect(to.got.length).toBeLessThan(50);
  });

  test("halves what is too large, down to the one item that is refused", async () => {
    using own = archiveOf(10);
    await using to = await receiver();
    let bad = "";
    to.fault = ({ items, ids }) => {
      bad ||= ids[4] ?? "";
      return items > 3 ? { status: 413 } : ids.includes(bad) ? { status: 400 } : undefined;
    };
    const { status, stderr } = await send(own, ["--to", to.url, "--new"]);
    expect(stderr).toContain("not taken");
    expect(status).toBe(7);
    expect(to.spanIds()).toHaveLength(10);
    expect(to.spanIds()).not.toContain(bad);
    const again = await send(own, ["--to", to.url, "--new"]);
    expect(again.stderr).toContain("nothing new");
  });

  test("what a receiver takes only in part is counted and never sent again", async () => {
    using own = archiveOf(10);
    for (const protocol of ["http/protobuf", "http/json"]) {
      await using to = await receiver();
      to.fault = () => ({ partial: 3 });
      const { status, stderr } = await send(own, ["--to", to.url, "--new", "--protocol", protocol]);
      expect(status).toBe(7);
      expect(stderr).toContain("rejected 3 of 11 spans: some are too old");
      expect(to.got).toHaveLength(1);
      expect((await send(own, ["--to", to.url, "--new"])).stderr).toContain("nothing new");
    }
  });

  test("texts leave only in a run with --content, also where an earlier one has fixed a batch with them", async () => {
    using own = archiveOf(10, ["--capture", "content"]);
    const { url } = await closed();
    const failed = await send(own, ["--to", url, "--signals", "traces,logs", "--content", "--retry-for", "0"]);
    expect(failed.status).toBe(7);
    await using to = await receiver(Number(new URL(url).port));
    expect((await send(own, ["--to", url, "--signals", "traces,logs", "--new"])).status).toBe(0);
    expect(to.got).toHaveLength(2);
    for (const { body } of to.got) expect(Buffer.from(body).includes("gen_ai.output.messages")).toBe(false);
    expect(to.spanIds()).toHaveLength(11);
  });

  test("what it refuses in one form goes out in another one, and what may have arrived in the same bytes", async () => {
    for (const answer of [{ status: 415 }, { status: 503, headers: { "retry-after": "60" } }]) {
      using own = archiveOf(10);
      await using to = await receiver();
      to.fault = ({ type }) => (type === "application/json" ? undefined : answer);
      const json = ["--protocol", "http/json"];
      expect((await send(own, ["--to", to.url, "--new"])).status).toBe(7);
      expect((await send(own, ["--to", to.url, "--new"])).status).toBe(7);
      expect(to.got[1]?.raw).toEqual(to.got[0]!.raw);
      expect((await send(own, ["--to", to.url, "--new", ...json])).status).toBe(0);
      expect(to.spanIds()).toHaveLength(11);
      expect((await send(own, ["--to", to.url, "--new"])).stderr).toContain("nothing new");
    }
  });

  test("what was only ever refused is encoded again, as this run has it", async () => {
    using own = archiveOf(10);
    await using to = await receiver();
    to.fault = () => ({ status: 422 });
    expect((await send(own, ["--to", to.url, "--new"])).status).toBe(7);
    to.fault = () => undefined;
    expect((await send(own, ["--to", to.url, "--new"], { OTEL_SERVICE_NAME: "mine" })).status).toBe(0);
    expect(to.spanIds()).toHaveLength(11);
    expect(protobufSpans(to.got.at(-1)!.body)[0]?.resource).toMatchObject({ "service.name": "mine" });
  });

  test("points that it rejects are no metrics", async () => {
    using own = archiveOf(10);
    await using to = await receiver();
    to.fault = () => ({ partial: 9 });
    const { status, stdout, stderr } = await send(own, ["--json", "--to", to.url, "--signals", "metrics"]);
    expect(status).toBe(7);
    expect(stderr).toContain("rejected 9 points of 5 metrics");
    expect(JSON.parse(stdout)).toMatchObject({ accepted: { metrics: 5 }, rejected: 9 });
  });

  test("an error names the host that failed", async () => {
    await using to = await receiver();
    await using logs = await receiver();
    logs.fault = () => ({ status: 401 });
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: to.url, OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${logs.url}/v1/logs` };
    const { stderr } = await send(place, ["--to", "otel", "--signals", "traces,logs"], env);
    expect(stderr).toContain(`error: ${logs.url}: answered 401`);
  });

  const WRONG: readonly (readonly [string, readonly string[], Record<string, string>])[] = [
    ["no URL", ["--to", "nowhere"], {}],
    ["an address without its scheme", ["--to", "localhost:4318"], {}],
    ["another protocol", ["--to", "ftp://127.0.0.1"], {}],
    ["credentials in the URL", ["--to", "http://user:hush@127.0.0.1:4318"], {}],
    ["a link-local address", ["--to", "http://169.254.169.254"], {}],
    ["an unknown signal", ["--to", "http://127.0.0.1:1", "--signals", "traces,profiles"], {}],
    ["an unknown protocol", ["--to", "http://127.0.0.1:1"], { OTEL_EXPORTER_OTLP_PROTOCOL: "smoke" }],
    ["a header without a value", ["--to", "http://127.0.0.1:1"], { OTEL_EXPORTER_OTLP_HEADERS: "hush" }],
    ["a header with a control character", ["--to", "http://127.0.0.1:1"], { OTEL_EXPORTER_OTLP_HEADERS: "a=hush%0A" }],
    ["a timeout of nothing", ["--to", "http://127.0.0.1:1"], { OTEL_EXPORTER_OTLP_TIMEOUT: "soon" }],
    ["a certificate that is not there", ["--to", "http://127.0.0.1:1"], { OTEL_EXPORTER_OTLP_CERTIFICATE: "/nowhere" }],
    ["otel without an endpoint", ["--to", "otel"], {}],
    ["a file as well", ["--to", "http://127.0.0.1:1", "-o", "x"], {}],
    ["--new without --to", ["--new"], {}],
  ];
  for (const [title, args, env] of WRONG) {
    test(`${title} is exit 2 before anything is read`, () => {
      const { status, stderr } = runExport({ ...place, data: "/nowhere" } as Scratch, args, { env });
      expect(stderr).not.toContain("hush");
      expect(stderr).not.toContain("archive");
      expect(status).toBe(2);
    });
  }

  test("a stop signal ends it; the next run goes on", async () => {
    using own = archiveOf(10);
    await using to = await receiver();
    to.fault = () => ({ status: 503, headers: { "retry-after": "20" } });
    const run = startWeir(["export", "--data-dir", own.data, "--to", to.url, "--new"]);
    run.stdin.end();
    while (to.got.length === 0) await Bun.sleep(20);
    await Bun.sleep(100);
    run.kill("SIGTERM");
    await run.exited;
    expect(run.exitCode).toBe(143);
    to.fault = () => undefined;
    expect((await send(own, ["--to", to.url, "--new"])).status).toBe(0);
    expect(to.got[0]?.raw).toEqual(to.got[1]!.raw);
  });

  test("a stop signal does not wait for a receiver that never answers, but for one that answers soon", async () => {
    using own = archiveOf(10);
    await using to = await receiver();
    for (const answer of ["never", "soon"] as const) {
      const before = to.got.length;
      to.fault = () => (answer === "never" ? { hang: true } : { taken: "late" });
      const run = startWeir(["export", "--data-dir", own.data, "--to", to.url, "--new"]);
      run.stdin.end();
      while (to.got.length === before) await Bun.sleep(10);
      const begun = Date.now();
      run.kill("SIGTERM");
      await run.exited;
      expect(run.exitCode).toBe(143);
      expect(Date.now() - begun).toBeLessThan(4000);
    }
    to.fault = () => undefined;
    expect((await send(own, ["--to", to.url, "--new"])).stderr).toContain("nothing new");
    expect(to.got).toHaveLength(2);
  });

  test("a sync at the same time disturbs nothing", async () => {
    using own = archiveOf(10);
    await using to = await receiver();
    let synced: number | null = -1;
    to.fault = () => {
      own.write(sessionPath("later"), callLines(900, 910, "later"));
      synced = runSync(own).status;
      return undefined;
    };
    expect((await send(own, ["--to", to.url, "--new"])).status).toBe(0);
    expect(synced).toBe(0);
  });

  test("headers may come from a file", async () => {
    await using to = await receiver();
    const file = join(place.root, "headers");
    writeFileSync(file, "# Langfuse\nauthorization=Basic%20abc=\nx-version=4\n");
    chmodSync(file, 0o600);
    await send(place, ["--to", to.url, "--headers-file", file]);
    expect(to.got[0]?.headers).toMatchObject({ authorization: "Basic abc=", "x-version": "4" });
    chmodSync(file, 0o644);
    const open = await send(place, ["--to", to.url, "--headers-file", file]);
    expect(open.status).toBe(2);
    expect(open.stderr).toContain("chmod 600");
  });
});
