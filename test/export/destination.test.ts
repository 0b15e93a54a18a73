/** Proves how flags and `OTEL_*` variables make a destination, and that wrong ones are refused with what was meant. */
import { describe, expect, test } from "bun:test";
import { type Asked, destinationOf, resourceAttributes, signalsOf } from "../../src/export/destination.ts";
import { parseHeaders, SecretHeaders } from "../../src/export/secret.ts";

const asked = (to: string, more: Partial<Asked> = {}): Asked => ({ to, signals: ["traces"], ...more });
const urlOf = (to: string, variables = {}, more: Partial<Asked> = {}): string | undefined =>
  destinationOf(asked(to, more), variables).routes[0]?.url;

describe("addresses", () => {
  test("a base address gets the signal's path", () => {
    expect(urlOf("http://127.0.0.1:4318")).toBe("http://127.0.0.1:4318/v1/traces");
    expect(urlOf("http://127.0.0.1:4318/")).toBe("http://127.0.0.1:4318/v1/traces");
    expect(urlOf("https://cloud.example/api/public/otel/")).toBe("https://cloud.example/api/public/otel/v1/traces");
    expect(urlOf("http://h/x?tenant=1#name")).toBe("http://h/x/v1/traces?tenant=1");
  });

  test("an address that names the signal's path is used as it is", () => {
    expect(urlOf("http://h/v1/traces")).toBe("http://h/v1/traces");
    expect(() => urlOf("http://h/v1/logs")).toThrow("not of traces");
  });

  test("the environment's base gets a path, a signal's own endpoint does not", () => {
    const base = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://h:1/a" };
    expect(urlOf("otel", base)).toBe("http://h:1/a/v1/traces");
    expect(urlOf("otel", { ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://t:2/b" })).toBe("http://t:2/b");
  });

  test("without its scheme it is told what was meant", () => {
    for (const to of ["localhost:4318", "collector.example:4318/otlp"]) {
      const hint = `did you mean http://${to.replace(/\/.*/, "")}?`;
      expect(() => urlOf(to)).toThrow(expect.objectContaining({ failure: "usage", hint }));
    }
    expect(() => urlOf("ftp://localhost:21")).toThrow("not a protocol that weir sends over");
  });

  test("what is no URL is told by what stands where its host should, unless that may be a password", () => {
    for (const [to, told] of [
      ["http://", "--to: not a URL"],
      ["collector", "--to: not a URL (collector)"],
      ["http://host:99999/otlp?key=secret", "--to: not a URL (host:99999)"],
      ["http://user:pa/ss@host", "--to: not a URL"],
      ["http://user:pass@ho st", "--to: not a URL"],
    ] as const)
      expect(() => urlOf(to)).toThrow(expect.objectContaining({ message: told }));
  });

  test("gRPC has no path", () => {
    expect(urlOf("http://h:4317", {}, { protocol: "grpc" })).toBe("http://h:4317/");
  });

  test("progress is the same for all ways of writing one address, and tells nothing of it", () => {
    const id = (to: string): string => destinationOf(asked(to), {}).id;
    expect(id("http://h:1/")).toBe(id("http://h:1"));
    expect(id("http://h:1/v1/traces")).toBe(id("http://h:1"));
    expect(id("http://h:1#a")).not.toBe(id("http://h:1"));
    expect(id("http://H:1/?key=secret")).toBe(id("http://h:1?key=secret"));
    expect(id("http://h:1/?key=secret")).toMatch(/^[0-9a-f]{32}$/);
  });

  test("progress is the same from the environment, whichever signals are asked for", () => {
    const id = (variables: Record<string, string>, ...signals: Asked["signals"]): string =>
      destinationOf(asked("otel", { signals }), variables).id;
    const base = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://h:1/" };
    const own = { ...base, OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "http://l:1/logs" };
    expect(id(base, "traces")).toBe(destinationOf(asked("http://h:1"), {}).id);
    expect(id(base, "traces", "metrics", "logs")).toBe(id(base, "traces"));
    expect(id(own, "traces", "logs")).toBe(id(own, "traces"));
    expect(id(own, "traces")).not.toBe(id(base, "traces"));
  });
});

test("flags are stronger than a signal's variables, those than the general ones", () => {
  const variables = { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json" };
  const of = (more: Partial<Asked>) => destinationOf(asked("http://h", more), variables).routes[0];
  expect(of({})?.protocol).toBe("http/json");
  expect(of({ protocol: "http/protobuf" })?.protocol).toBe("http/protobuf");
  expect(of({ signals: ["logs"] })?.protocol).toBe("grpc");
});

describe("headers", () => {
  test("values are percent-decoded and may hold an equals sign", () => {
    expect(parseHeaders("authorization=Basic%20YTpi==, X-Two = 2 ,")).toEqual({
      authorization: "Basic YTpi==",
      "x-two": "2",
    });
  });

  test("what is wrong is told without the value", () => {
    for (const text of [
      "hush",
      "=hush",
      "a b=hush",
      "host=hush",
      "content-length=hush",
      "x=%hush",
      "x=hush%0D%0Ay",
      "x=hush%00",
      "x=hush€",
    ]) {
      const problem = parseHeaders(text);
      expect(typeof problem).toBe("string");
      expect(problem).not.toContain("hush");
    }
  });

  test("of the environment are for the endpoint that it names: --to another host gets none of them", () => {
    const variables = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "https://cloud.example/otlp",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=hush,x-tenant=a",
    };
    const of = (to: string, more = {}) => {
      const { headers, withheld } = destinationOf(asked(to), { ...variables, ...more }).routes[0]!;
      return [Object.keys(headers.reveal()), withheld];
    };
    const sent = [["authorization", "x-tenant"], []];
    const kept = [[], ["authorization", "x-tenant"]];
    expect(of("otel")).toEqual(sent);
    expect(of("https://cloud.example:443/other")).toEqual(sent);
    expect(of("https://cloud.example:4318")).toEqual(sent);
    for (const to of ["http://cloud.example", "http://127.0.0.1:4318"]) expect(of(to)).toEqual(kept);
    const bare = { OTEL_EXPORTER_OTLP_ENDPOINT: "127.0.0.1:4317" };
    expect([of("http://127.0.0.1:4318", bare), of("http://127.0.0.2:4317", bare)]).toEqual([sent, kept]);
    expect(of("http://127.0.0.1:4318", { OTEL_EXPORTER_OTLP_ENDPOINT: "" })).toEqual(sent);
    expect(of("http://127.0.0.1:4318", { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:4318/x" })).toEqual(
      sent,
    );
  });

  test("what gRPC cannot carry is wrong usage there, told without the value", () => {
    const of = (text: string, protocol: Asked["protocol"]) => (): unknown =>
      destinationOf(asked("http://h:1", { protocol }), { OTEL_EXPORTER_OTLP_HEADERS: text });
    for (const text of ["x-key=hush%C3%A9", "x!key=hush", "a=b,x-key=%C2%A0hush"]) {
      expect(of(text, "http/protobuf")).not.toThrow();
      expect(of(text, "grpc")).toThrow(expect.objectContaining({ failure: "usage" }));
      expect(of(text, "grpc")).toThrow(/^(?!.*hush).*header x.key/);
    }
    expect(of("x-key-bin=hush%C3%A9,x.y_z=~ ", "grpc")).not.toThrow();
  });

  test("they cannot be printed, listed or put into JSON", () => {
    const headers = new SecretHeaders({ authorization: "hush" });
    const shown = [
      String(headers),
      JSON.stringify({ headers }),
      Bun.inspect({ headers }),
      Object.keys(headers).join(),
      `${headers}`,
    ];
    expect(shown.join(" ")).not.toContain("hush");
    expect(headers.reveal()).toEqual({ authorization: "hush" });
  });
});

test("resource attributes are percent-decoded; the service's name wins", () => {
  expect(resourceAttributes({ OTEL_RESOURCE_ATTRIBUTES: "a=1%2C2,service.name=x", OTEL_SERVICE_NAME: "y" })).toEqual({
    a: "1,2",
    "service.name": "y",
  });
  expect(() => resourceAttributes({ OTEL_RESOURCE_ATTRIBUTES: "nothing" })).toThrow("OTEL_RESOURCE_ATTRIBUTES");
});

test("signals come in a fixed order, each once", () => {
  expect(signalsOf("logs,traces,logs")).toEqual(["traces", "logs"]);
  expect(() => signalsOf("traces,")).toThrow("unknown signal");
});
