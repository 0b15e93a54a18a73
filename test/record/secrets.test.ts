/** Proves that secrets are taken out of texts, that other texts stay as they are, and that no text takes long. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { safeJson, safeName } from "../../src/record/privacy.ts";
import { secretlint } from "../../src/record/secretlint.ts";
import { secretsIn, withoutSecrets } from "../../src/record/secrets.ts";
import { random, SEED } from "../support/random.ts";
import { KIND_NAMES, planted } from "../support/secrets.ts";

const clean = (text: string): string => withoutSecrets(text, () => {}, secretlint);

describe("a secret in a text", () => {
  for (const kind of KIND_NAMES)
    test(`is taken out: ${kind}`, () => {
      for (let seed = SEED; seed < SEED + 200; seed++) {
        const { text, secret } = planted(kind, random(seed));
        for (const around of [
          text,
          `${text}\n${text}`,
          `é ${text}`,
          `x\n  > ${text}\n`,
          `\`${text}\``,
          `😀${text}😀`,
        ]) {
          const left = clean(around);
          if (left.includes(secret)) throw new Error(`seed ${seed}: ${left.replaceAll(secret, "THE SECRET")}`);
          expect(left).toContain("[redacted:");
          expect(clean(left)).toBe(left);
        }
      }
    });

  test("is taken out, and what stands around it stays", () => {
    const { text, secret } = planted("bearer", random(SEED));
    const rules: string[] = [];
    expect(withoutSecrets(`a ${text}\nb`, (rule) => rules.push(rule))).toBe(
      "a Authorization: Bearer [redacted:header]\nb",
    );
    expect(rules).toEqual(["header"]);
    expect(secretsIn(text).map(({ start, end }) => text.slice(start, end))).toEqual([secret]);
  });

  test("as long as it may be is taken out whole", () => {
    const long = "aB3".repeat(100_000);
    for (const text of [`password: "${long}"`, `token=${long}`, `Cookie: ${long}`, `sk-${long}`, `--password ${long}`])
      expect(clean(text).length).toBeLessThan(60);
  });

  test("is taken out after a plural as well", () => {
    expect(clean("secrets: hunter2")).toBe("secrets: [redacted:assignment]");
    expect(clean('DB_PASSWORDS="hunter2 hunter3"')).toBe('DB_PASSWORDS="[redacted:assignment]"');
    expect(clean("api_keys=abcdef0123")).toBe("api_keys=[redacted:assignment]");
  });

  test("of a key whose last line is cut off is taken out as far as it goes", () => {
    const begin = ["-----BEGIN ", "PRIVATE KEY-----"].join("");
    expect(clean(`x ${begin}\nabc/def+ghi\njkl==`)).toBe("x [redacted:private-key]");
  });
});

test("what is no secret stays as it is", () => {
  const texts = [
    "password: string;",
    "const token = getToken()",
    "apiKey: process.env.API_KEY",
    "client = Client(api_key=api_key)",
    "password=$" + "{PASSWORD}",
    "PASSWORD=$PASSWORD",
    "max_tokens: 4096, tokens: 12, token: 15",
    "TOKENS: 12k, MAX_TOKENS=8k, tokens: 1,234",
    "jobs:\n  build:\n    secrets: inherit",
    "secrets:\n  db_password:\n    file: ./db.txt\nsecrets:\n  - name: db",
    "Basic authentication with a Bearer token",
    "https://example.com:8080/a?b=c#d",
    "git@github.com:org/repo.git ssh://git@github.com/org/repo.git",
    "if (token === null) return",
    "<password> the --password-file option",
    "tests: pass: 12, fail: 0",
    "compass: north",
    '{"type":"object","properties":{"password":{"type":"string"}}}',
    "9f3b70b3-86ff-4701-80df-1df2f9dcb69b 98bce8e9987b1030cf27174ca5b8c3d128c96050985f6d0ba4834ab149e31baf",
    "toolu_0ODQc9bLswz9na2obsntv8 call_JzqA8kVbM3tYw0Lq1rXn msg_iWPfQYUyCuiBJ6LDo4pQV2H6",
    "sk-learn task-force ghp_ AKIA eyJ",
    "src/agents/copilot-vscode/chat-sessions.ts:12: export function",
  ];
  for (const text of texts) expect(clean(text)).toBe(text);
});

test("texts of any kind lose nothing but secrets, and the same each time", () => {
  const piece = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("password", "token", ":", "=", '"', "\\", "://", "@", "-----BEGIN ", "Bearer ", "--", "sk-", "\n"),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join("");
      const secrets = secretsIn(text, secretlint);
      let at = 0;
      for (const { start, end } of secrets) {
        expect(start).toBeGreaterThanOrEqual(at);
        expect(end).toBeGreaterThan(start);
        at = end;
      }
      expect(at).toBeLessThanOrEqual(text.length);
      expect(secretsIn(text, secretlint)).toEqual(secrets);
    }),
    { numRuns: 500 },
  );
});

const UNIT = 1_000_000;
/** CPU milliseconds for a megabyte; what is not linear takes minutes. */
const BUDGET_MS = 1500;

test(`a megabyte of hostile text takes less than ${BUDGET_MS} ms`, () => {
  const units =
    "a - _ = : // :// a:// a://b: a:b@ token= token=$ password=' password=\" password=\\ eyJ eyJaaaaaaaaaaaaaaaa. -eyJ sk- -sk- " +
    "SG.aaaaaaaaaaaaaaaa. xoxb-1- Basic cookie: -u --password= -- <password> &key= ?sig= A_KEY= token]]]]]]]] AKIA 12345678:AA " +
    'Maaaaaaaaaaaaaaaaaaaaaaaaa. aaaaaaaaaaaaaaaaaaa1z. x=password= {"password": => token:= AccountKey= _authToken= mysql:// ' +
    "mongodb://a@ [redacted:token] $ %TOKEN% a1za1za1za1za1za1za1z/ -p";
  const hostile = [
    ...units.split(" "),
    ...[
      "-----BEGIN PRIVATE KEY-----",
      "-----BEGIN PRIVATE KEY-----{",
      "Bearer a1 ",
      "the password is aaaaaaaaaaaaaaa1 ",
    ],
    ...["aaaaaaaaaaaaaaaaaaa1z ", "token    :    ", "basic aaaaaaaaaaaaaaaaaaaa ", "ghp_aaaaaaaaaaaaaaa ", "é", " "],
  ];
  for (const unit of hostile) {
    const text = unit.repeat(Math.ceil(UNIT / unit.length));
    const before = process.cpuUsage();
    clean(text);
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 > BUDGET_MS)
      throw new Error(`${JSON.stringify(unit)} took ${(user + system) / 1000} ms`);
  }
}, 300_000);

describe("what metadata names", () => {
  test("is never longer than a path may be, and is cut after its secrets are gone", () => {
    const { text, secret } = planted("github", random(SEED));
    for (let at = 4096 - text.length - 3; at < 4100; at++) {
      const safe = safeName(`${"x ".repeat(at / 2)}${text}${"/folder".repeat(300_000)}`);
      expect(safe.length).toBe(4096);
      expect(safe).not.toContain(secret.slice(0, 12));
    }
    const path = "/folder".repeat(500);
    expect(safeName(path)).toBe(path);
  });

  test("loses what looks like a secret", () => {
    for (const kind of KIND_NAMES) {
      const { text, secret } = planted(kind, random(SEED));
      expect(safeName(text)).not.toContain(secret);
      expect(safeJson(JSON.stringify({ a: [text], b: { c: 1 } }))).not.toContain(secret);
    }
  });

  test("stays as it is otherwise", () => {
    for (const name of ["mcp__github__get_issue", "feature/token-refresh", "claude-sonnet-4-5-20250929", undefined])
      expect(safeName(name)).toBe(name as string);
    const state = JSON.stringify({
      token: "abc",
      password: "x",
      tools: { call_1: { name: "bash", key: "k" } },
      n: [1],
    });
    expect(safeJson(state)).toBe(state);
  });
});
