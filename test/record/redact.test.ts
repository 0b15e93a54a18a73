/** Proves that secrets are taken out of values by the names of their fields, in any shape that stores have. */
import { expect, test } from "bun:test";
import { Keeper } from "../../src/record/keep.ts";
import { random, SEED } from "../support/random.ts";
import { KIND_NAMES, planted } from "../support/secrets.ts";

function keeper(limit = 0): { readonly keep: Keeper; readonly found: string[] } {
  const found: string[] = [];
  return { keep: new Keeper({ isRaw: true, limit, found: (rule) => found.push(rule) }), found };
}

const GONE = "[redacted:named-field]";

test("a field that is named as a secret loses its value, whatever that is like", () => {
  const { keep, found } = keeper();
  const given = {
    password: "hunter2",
    api_key: "k",
    apiKey: "abc12",
    headers: { Authorization: "Bearer x", cookie: ["a=1", "b=2"], accept: "*/*" },
    credentials: { user: "me", nested: { pass: "word" } },
    env: { DB_PASSWORD: "$ecret!", PATH: "/bin", TOKEN: "$TOKEN" },
    token_count: 12,
    max_tokens: 5,
    token: 7,
    pin: 1234,
  };
  expect(keep.keep(given) as unknown).toEqual({
    password: GONE,
    api_key: "k",
    apiKey: GONE,
    headers: { Authorization: GONE, cookie: [GONE, GONE], accept: "*/*" },
    credentials: { user: GONE, nested: { pass: GONE } },
    env: { DB_PASSWORD: GONE, PATH: "/bin", TOKEN: "$TOKEN" },
    token_count: 12,
    max_tokens: 5,
    token: 7,
    pin: 1234,
  });
  expect(new Set(found)).toEqual(new Set(["named-field"]));
});

test("a plural names secrets too, whatever holds them; how many there are is none", () => {
  const { keep } = keeper();
  const given = {
    secrets: { db: "hunter2" },
    passwords: ["hunter2"],
    tokens: ["abcdef0123"],
    api_keys: ["abcdef0123", "abcdef0124"],
    apiKeys: { openai: "abcdef0123" },
    access_tokens: ["abcdef0123"],
    password: { raw: "hunter2" },
    secret: { db: { main: "hunter2" } },
  };
  expect(keep.keep(given) as unknown).toEqual({
    secrets: { db: GONE },
    passwords: [GONE],
    tokens: [GONE],
    api_keys: [GONE, GONE],
    apiKeys: { openai: GONE },
    access_tokens: [GONE],
    password: { raw: GONE },
    secret: { db: { main: GONE } },
  });
  const counts = {
    tokens: 123,
    secrets: 3,
    passwords: 2,
    credentials: 1,
    api_keys: 4,
    max_tokens: "8k",
    stop_tokens: ["<|end|>"],
    usage: { tokens: { input: 5, model: "gpt-4" } },
    keys: ["a1b2c3d4e5"],
  };
  expect(keep.keep(counts) as unknown).toEqual(counts);
});

test("pairs of name and value, and options of a command as a list, are fields too", () => {
  const { keep } = keeper();
  expect(
    keep.keep([
      { name: "X-Api-Key", value: "abcdefg12" },
      { key: "color", value: "red" },
    ]) as unknown,
  ).toEqual([
    { name: "X-Api-Key", value: GONE },
    { key: "color", value: "red" },
  ]);
  expect(keep.keep(["mysql", "--password", "hunter2", "-v", "db"]) as unknown).toEqual([
    "mysql",
    "--password",
    GONE,
    "-v",
    "db",
  ]);
});

test("a JSON Schema that describes a secret holds none", () => {
  const schema = { type: "object", properties: { password: { type: "string", description: "the password to use" } } };
  expect(keeper().keep.keep(schema)).toEqual(schema);
  const credentials = { type: "object", properties: { credentials: { type: "string", description: "what opens it" } } };
  expect(keeper().keep.keep(credentials)).toEqual(credentials);
});

test("secrets of every kind are gone from texts, keys and raw items, at any depth", () => {
  for (const kind of KIND_NAMES) {
    const { text, secret } = planted(kind, random(SEED));
    const { keep, found } = keeper();
    const given = { a: [{ b: text, [text]: 1 }], c: { d: { e: [text] } } };
    const forms = [
      JSON.stringify(keep.keep(given)),
      keep.rawJson(JSON.stringify(given)),
      keep.rawJson(`no JSON: ${text}`),
    ];
    for (const form of forms) expect(form).not.toContain(secret);
    expect(found.length).toBeGreaterThanOrEqual(7);
  }
});

test("values that JSON has no word for, and depth without end, become words", () => {
  const { keep } = keeper();
  const deep = JSON.parse(`${"[".repeat(5000)}1${"]".repeat(5000)}`);
  expect(JSON.stringify(keep.keep(deep))).toContain("[cut: nested too deeply]");
  expect(keep.keep({ n: 12n, big: 2n ** 70n, bytes: new Uint8Array(3) }) as unknown).toEqual({
    n: 12,
    big: `${2n ** 70n}`,
    bytes: "[cut: 3 bytes]",
  });
  const odd = JSON.parse('{"__proto__": {"password": "hunter2"}}');
  expect(JSON.stringify(keep.keep(odd))).toBe(`{"__proto__":{"password":"${GONE}"}}`);
});

test("a text over the limit is cut after its secrets are gone, also one at the very edge", () => {
  const { secret } = planted("github", random(SEED));
  for (let at = 900; at < 1010; at++) {
    const kept = keeper(1000).keep.keep(`${"x ".repeat(at / 2)}${secret} ${"y ".repeat(50_000)}`) as string;
    expect(kept).not.toContain(secret.slice(0, 12));
    expect(kept).toMatch(/… \[cut: \d+ characters\]$/);
  }
});
