/** Owns the shapes of known tokens: what programs and services give out as secrets, told by how they begin. */
import { matchAt, type Span } from "./values.ts";

const SHAPES = [
  "sk-[A-Za-z0-9_-]{16,}", // OpenAI, Anthropic, and those that follow them
  "[srp]k_(?:live|test)_[A-Za-z0-9]{10,}", // Stripe
  "whsec_[A-Za-z0-9+/=]{16,}",
  "gh[opsur]_[A-Za-z0-9_]{20,}", // GitHub
  "github_pat_[A-Za-z0-9_]{20,}",
  "gl(?:pat|dt|rt|soat|ptt|ft|imt|agent|oas|cbt)-[A-Za-z0-9_.-]{16,}", // GitLab
  "xox[abeoprs]-[A-Za-z0-9-]{10,}", // Slack
  "xapp-[A-Za-z0-9-]{10,}",
  "(?:A3T[A-Z0-9]|AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA)[A-Z0-9]{16}(?![A-Za-z0-9])", // AWS
  "AIza[A-Za-z0-9_-]{30,}", // Google
  "ya29\\.[A-Za-z0-9_-]{20,}",
  "GOCSPX-[A-Za-z0-9_-]{20,}",
  "npm_[A-Za-z0-9]{30,}",
  "pypi-[A-Za-z0-9_-]{16,}",
  "rubygems_[a-f0-9]{32,}",
  "SG\\.[A-Za-z0-9_-]{16,}\\.[A-Za-z0-9_-]{16,}", // SendGrid
  "hf_[A-Za-z0-9]{20,}", // Hugging Face
  "gsk_[A-Za-z0-9]{20,}", // Groq
  "xai-[A-Za-z0-9]{20,}",
  "pplx-[A-Za-z0-9]{20,}",
  "nvapi-[A-Za-z0-9_-]{20,}",
  "tvly-[A-Za-z0-9_-]{20,}",
  "r8_[A-Za-z0-9]{30,}", // Replicate
  "lin_(?:api|oauth)_[A-Za-z0-9]{20,}", // Linear
  "ntn_[A-Za-z0-9]{30,}", // Notion
  "secret_[A-Za-z0-9]{40,}",
  "fig[dou]_[A-Za-z0-9_-]{20,}", // Figma
  "dckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}", // Docker
  "do[opr]_v1_[a-f0-9]{32,}", // DigitalOcean
  "dapi[a-f0-9]{32}", // Databricks
  "shp(?:at|ca|pa|ss)_[A-Za-z0-9]{16,}", // Shopify
  "hv[bsr]\\.[A-Za-z0-9_-]{20,}", // Vault
  "gl(?:c|sa)_[A-Za-z0-9+/=_]{20,}", // Grafana
  "ops_eyJ[A-Za-z0-9_-]{20,}", // 1Password
  "vc[paikr]_[A-Za-z0-9]{20,}", // Vercel
  "key-[a-f0-9]{32}", // Mailgun
  "(?:AC|SK)[a-f0-9]{32}(?![A-Za-z0-9])", // Twilio
  "[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}", // Telegram
  "[MNO][A-Za-z0-9_-]{23,27}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,}", // Discord
  "AGE-SECRET-KEY-1[A-Z0-9]{20,}",
  "EAA[A-Za-z0-9]{80,}", // Facebook
  "sntry[su]_[A-Za-z0-9_+/=-]{20,}", // Sentry
  "ATATT3[A-Za-z0-9_=-]{20,}", // Atlassian
  "PMAK-[a-f0-9]{24}-[a-f0-9]{34}", // Postman
  "(?:sk|pk)\\.eyJ[A-Za-z0-9_.-]{20,}", // Mapbox
  "NR(?:AK|II|JS|RA)-[A-Za-z0-9]{20,}", // New Relic
  "sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,}", // Square
  "amzn\\.mws\\.[A-Za-z0-9-]{20,}",
  "AAAAAAAAAAAAAAAAAAAA[A-Za-z0-9%]{20,}", // X
  "dp\\.(?:pt|st|ct|sa|scim)\\.[A-Za-z0-9._-]{20,}", // Doppler
  "pul-[a-f0-9]{40}", // Pulumi
  "CFPAT-[A-Za-z0-9_-]{20,}", // Contentful
  "ph[cx]_[A-Za-z0-9]{30,}", // PostHog
  "oy2[a-z0-9]{43}(?![A-Za-z0-9])", // NuGet
  "LTAI[A-Za-z0-9]{12,24}(?![A-Za-z0-9])", // Alibaba Cloud
  "ATBB[A-Za-z0-9]{28,}", // Bitbucket
  "bku[a-z]_[A-Za-z0-9]{30,}", // Buildkite
  "tskey-[A-Za-z0-9-]{16,}", // Tailscale
  "sgp_[A-Za-z0-9_]{30,}", // Sourcegraph
  "sb[ps]?_(?:secret_)?[A-Za-z0-9]{30,}", // Supabase
  "fm[12]_[A-Za-z0-9+/=_-]{40,}", // Fly
  "nf[cpou]_[A-Za-z0-9]{30,}", // Netlify
  "cio[A-Za-z0-9]{32}(?![A-Za-z0-9])", // crates.io
];

let token: RegExp | undefined;

/** No token is shorter. */
export const SHORTEST_TOKEN = 16;
/** How much of a token may stand before its longest part, and after it. */
const BEFORE = 12;
const AFTER = 200;

/** The first known token that has a part in this word of a text, where the word has letters, digits, `_` and `-` only. */
export function tokenIn(text: string, start: number, end: number): Span | undefined {
  const from = Math.max(0, start - BEFORE);
  // Most end with their word; those that do not go on after a sign.
  const sign = text.charCodeAt(end);
  const to = sign === DOT || sign === PLUS || sign === SLASH || sign === EQUALS ? end + AFTER : end + 1;
  // Letters and digits before a token would make it a part of something else.
  token ??= new RegExp(`(?<![A-Za-z0-9])(?:${SHAPES.join("|")})`);
  const found = token.exec(text.slice(from, to));
  if (!found || from + found.index >= end) return undefined;
  const begin = from + found.index;
  const stop = begin + found[0].length;
  // What goes on beyond the stretch that was looked at is of the token, too.
  const rest = stop === to ? (matchAt(/[A-Za-z0-9+/=_-]*/y, text, stop)?.[0].length ?? 0) : 0;
  return { start: begin, end: stop + rest };
}

const DOT = 46;
const PLUS = 43;
const SLASH = 47;
const EQUALS = 61;
