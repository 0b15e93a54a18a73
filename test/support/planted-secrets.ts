/** Owns planted secrets: three of each of twenty kinds, made of chance so that no scanner takes this file for a leak. */
import type { Random } from "./random.ts";

const UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const WORD = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789";

/** By kind, how one is made of so many characters of chance. */
const SHAPES: Readonly<Record<string, (some: (length: number, of?: string) => string) => string>> = {
  "AWS key id": (some) => `AKIA${some(16, UPPER)}`,
  "AWS secret key": (some) => some(40),
  "GitHub token": (some) => `ghp_${some(36)}`,
  "GitHub fine-grained token": (some) => `github_pat_${some(22)}_${some(59)}`,
  "GitLab token": (some) => `glpat-${some(20)}`,
  "Slack token": (some) => `xoxb-${some(12, "0123456789")}-${some(24)}`,
  "Slack webhook": (some) => `https://hooks.slack.com/services/T${some(8, UPPER)}/B${some(8, UPPER)}/${some(24)}`,
  "Stripe key": (some) => `sk_live_${some(24)}`,
  "OpenAI key": (some) => `sk-proj-${some(48)}`,
  "Anthropic key": (some) => `sk-ant-api03-${some(93)}`,
  "Google key": (some) => `AIza${some(35)}`,
  "private key": (some) => `-----BEGIN PRIVATE KEY-----\n${some(64)}\n-----END PRIVATE KEY-----`,
  JWT: (some) => `eyJ${some(20)}.eyJ${some(40)}.${some(43)}`,
  "npm token": (some) => `npm_${some(36)}`,
  "PyPI token": (some) => `pypi-AgEIcHlwaS5vcmc${some(60)}`,
  "SendGrid key": (some) => `SG.${some(22)}.${some(43)}`,
  "database address": (some) => `postgres://app:${some(18)}@db.internal/app`,
  "address with a password": (some) => `https://dev:${some(16)}@git.example.com/a/b.git`,
  "authorization header": (some) => `Authorization: Bearer ${some(40)}`,
  assignment: (some) => `API_PASSWORD=${some(20)}`,
};

export interface Secret {
  readonly kind: string;
  /** As it stands in a text. */
  readonly text: string;
  /** The part that must not come out: the longest run of chance. */
  readonly core: string;
}

const EACH = 3;

export function secretsOf(r: Random): Secret[] {
  return Object.entries(SHAPES).flatMap(([kind, shape]) =>
    Array.from({ length: EACH }, () => {
      let core = "";
      const text = shape((length, of = WORD) => {
        const run = Array.from({ length }, () => of[r.int(0, of.length - 1)]).join("");
        if (run.length > core.length) core = run;
        return run;
      });
      return { kind, text, core };
    }),
  );
}
