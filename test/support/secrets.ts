/** Owns made-up secrets: put together at run time from parts, so that no scanner takes this repository for a leak. */
import type { Random } from "./random.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ALNUM = `${LETTERS}0123456789`;
const HEX = "0123456789abcdef";
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export interface Planted {
  /** What kind of secret it is. */
  readonly kind: string;
  /** The secret itself: what must not be found anywhere. */
  readonly secret: string;
  /** A text that holds it as people and programs write it. */
  readonly text: string;
}

function letters(r: Random, length: number, of: string = ALNUM): string {
  return Array.from({ length }, () => of[r.int(0, of.length - 1)]).join("");
}

/** By chance, but with a digit and a letter in any case. */
const mixed = (r: Random, length: number): string => `a${letters(r, length - 2)}7`;
const joined = (...parts: readonly string[]): string => parts.join("");

type Maker = (r: Random) => { readonly secret: string; readonly text: (secret: string) => string };

const bare = (make: (r: Random) => string): Maker => {
  return (r) => ({ secret: make(r), text: (secret) => `it is ${secret}, use it` });
};
const within = (length: number, text: (secret: string) => string): Maker => {
  return (r) => ({ secret: mixed(r, length), text });
};

/** Kinds of secrets: some by their own shape, some by what stands around them. */
const KINDS: Readonly<Record<string, Maker>> = {
  "aws key id": bare((r) => joined("AK", "IA", letters(r, 16, UPPER))),
  "aws secret key": within(40, (s) => `${joined("AWS_SECRET_", "ACCESS_KEY")}=${s}`),
  github: bare((r) => joined("gh", "p_", letters(r, 36))),
  "github fine-grained": bare((r) => joined("github", "_pat_", letters(r, 22), "_", letters(r, 59))),
  gitlab: bare((r) => joined("glp", "at-", mixed(r, 20))),
  anthropic: bare((r) => joined("sk-", "ant-api03-", letters(r, 93), "AA")),
  openai: bare((r) => joined("sk-", "proj-", letters(r, 74), "T3Blbk", "FJ", letters(r, 74))),
  slack: bare((r) => joined("xox", "b-", letters(r, 12, "123456789"), "-", letters(r, 24))),
  "slack webhook": (r) => ({
    secret: joined("T", letters(r, 8, UPPER), "/B", letters(r, 8, UPPER), "/", letters(r, 24)),
    text: (s) => joined("curl https://hooks.", "slack.com/services/", s, " -d x"),
  }),
  google: bare((r) => joined("AI", "za", letters(r, 35))),
  npm: bare((r) => joined("np", "m_", letters(r, 36))),
  sendgrid: bare((r) => joined("S", "G.", letters(r, 22), ".", letters(r, 43))),
  stripe: bare((r) => joined("sk_", "live_", letters(r, 24))),
  "hugging face": bare((r) => joined("h", "f_", letters(r, 34))),
  jwt: bare((r) => joined("ey", "J", letters(r, 33), ".ey", "J", letters(r, 60), ".", letters(r, 43))),
  "private key": (r) => ({
    secret: letters(r, 64),
    text: (s) =>
      joined("-----BEGIN RSA ", "PRIVATE KEY-----\n", s, "\n", letters(r, 64), "\n-----END RSA ", "PRIVATE KEY-----\n"),
  }),
  bearer: within(32, (s) => `Authorization: Bearer ${s}`),
  basic: (r) => ({ secret: btoa(`bob:${letters(r, 12)}`), text: (s) => `curl -H "Authorization: Basic ${s}" x` }),
  cookie: within(32, (s) => `Cookie: theme=dark; session=${s}`),
  "url user": within(14, (s) => `git clone https://bob:${s}@example.com/r.git`),
  "database address": within(14, (s) => `postgres://app:${s}@db.example.com:5432/app`),
  "url parameter": within(24, (s) => `https://example.com/x?access_token=${s}&page=2`),
  "environment variable": (r) => ({ secret: letters(r, 10, LETTERS), text: (s) => `DB_PASSWORD=${s} npm start` }),
  yaml: (r) => ({ secret: mixed(r, 9), text: (s) => `db:\n  user: app\n  password: ${s}\n` }),
  json: within(20, (s) => `{"name": "x", "api_key": "${s}", "n": 1}`),
  "json in json": within(20, (s) => JSON.stringify(JSON.stringify({ client_secret: s })).slice(1, -1)),
  program: within(20, (s) => `const apiKey = "${s}";`),
  option: within(12, (s) => `mysql --user app --password ${s} db`),
  "curl user": within(12, (s) => `curl -u bob:${s} https://example.com`),
  element: within(12, (s) => `<server><password>${s}</password></server>`),
  header: (r) => ({ secret: letters(r, 32, HEX), text: (s) => `X-Api-Key: ${s}` }),
  sentence: within(18, (s) => `the password is ${s} for now`),
};

export const KIND_NAMES: readonly string[] = Object.keys(KINDS);

/** One secret of a kind. */
export function planted(kind: string, r: Random): Planted {
  const maker = KINDS[kind];
  if (!maker) throw new Error(`no kind of secret is named ${kind}`);
  const { secret, text } = maker(r);
  return { kind, secret, text: text(secret) };
}
