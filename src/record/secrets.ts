/**
 * Owns how secrets are told from text: by the shape of known tokens, and by what stands before them. Every pattern takes
 * time in proportion to the text: what may repeat is bounded, or cannot be read in two ways.
 */

/** Told of every secret that was found; never with its text. */
export type Found = (rule: string) => void;

interface Rule {
  readonly name: string;
  readonly pattern: RegExp;
  /** What of the match stays: the groups `before` and `after`. */
  readonly test?: (secret: string) => boolean;
}

/** Letters and digits before a token would make it a part of something else. */
const START = "(?<![A-Za-z0-9])";

const TOKENS = [
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
  "[0-9]{8,10}:AA[A-Za-z0-9_-]{33}", // Telegram
  "[MNO][A-Za-z0-9_-]{23,27}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,}", // Discord
  "AGE-SECRET-KEY-1[A-Z0-9]{20,}",
  "EAA[A-Za-z0-9]{80,}", // Facebook
  "sntry[su]_[A-Za-z0-9_+/=-]{20,}", // Sentry
  "ATATT3[A-Za-z0-9_=-]{20,}", // Atlassian
].join("|");

/** A name that says that its value is a secret, when it ends so. */
const SECRET_NAME =
  "(?:pass(?:wor[dt]|wd|phrase|code|key)?|pwd|secret|token|api[_.-]?key|access[_.-]?key|account[_.-]?key|auth[_.-]?key|" +
  "client[_.-]?key|encryption[_.-]?key|master[_.-]?key|private[_.-]?key|secret[_.-]?key|service[_.-]?key|shared[_.-]?key|" +
  "signing[_.-]?key|ssh[_.-]?key|webhook[_.-]?url|credentials?|connection[_.-]?string|signature|_auth|[?&;]sig)";

const KEY = new RegExp(
  `(?:${SECRET_NAME}|^auth|^sig|^pin)(?:[_.-]?(?:value|base64|b64|hash|pem|enc|raw|[0-9]{1,2}))?$`,
  "i",
);
const HEADERS = /^(?:(?:proxy-)?authorization|(?:set-)?cookies?)$/i;
/** Of these names, numbers are secrets as well, and what lies below them is too. */
const GROUP = /^(?:credentials?|secrets|cookies?|passwords)$/i;

/** How a name of a field says that its value is a secret: itself, and all that lies below it. */
export function isSecretName(name: string): boolean {
  return name.length < 80 && (KEY.test(name) || HEADERS.test(name));
}

export function isSecretGroup(name: string): boolean {
  return GROUP.test(name);
}

/** Words and expressions that stand where a secret would, and are none: types, calls, variables, placeholders. */
const NO_SECRET =
  /^(?:string|str|number|boolean|bool|int|any|unknown|object|bytes|none|null|nil|undefined|true|false|required|optional|self|this)\b[^A-Za-z0-9]*$|^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*[([]|^(?:process|os|env|import|config|self|this|args|options|secrets|vars|var|data|local)\.[A-Za-z_]|^\$[({A-Za-z_]|^%[A-Za-z_]+%|^\{\{|^<[A-Za-z]|^\[redacted:|^\*+$|^\.{2,}|^x{3,}$/i;

const isSecret = (value: string): boolean => value.length > 1 && !NO_SECRET.test(value);

/** `Basic` is a word, too: what follows it is a secret where it says `name:password`. */
function isBasic(value: string): boolean {
  try {
    return atob(value).includes(":");
  } catch {
    return false; // no base64, so nothing that a server would take
  }
}

const RULES: readonly Rule[] = [
  {
    name: "private-key",
    pattern:
      /-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S]){0,20000}(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?/g,
  },
  { name: "token", pattern: new RegExp(`${START}(?:${TOKENS})`, "g") },
  { name: "jwt", pattern: /(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?/g },
  {
    name: "webhook",
    pattern:
      /https:\/\/(?:hooks\.slack\.com\/(?:services|workflows|triggers)|discord(?:app)?\.com\/api\/webhooks)\/[A-Za-z0-9_/-]{8,}/gi,
  },
  {
    name: "url-credentials",
    pattern:
      /(?<before>\b[a-z][a-z0-9+.-]{0,20}:\/\/)(?<secret>[^\s/?#@"'`<>\\]{1,300}(?::[^\s/?#"'`<>\\]{0,300})?)(?<after>@)/gi,
    test: (user) => user !== "git" && !/^\$|^\{/.test(user),
  },
  {
    name: "header",
    pattern:
      /(?<before>(?<![a-z])(?:(?:proxy-)?authorization|(?:set-)?cookie)\\{0,3}["']?\s{0,5}[:=]\s{0,5}\\{0,3}["']?(?:(?:basic|bearer|digest|token|negotiate)\s{1,3})?)(?<secret>[^"'\r\n\\]{3,8000})/gi,
    test: isSecret,
  },
  {
    name: "bearer",
    pattern: /(?<before>\bbearer\s{1,3})(?<secret>(?=[^\s"'\\]{0,200}[0-9._~+/=-])[A-Za-z0-9._~+/=-]{8,})/gi,
    test: isSecret,
  },
  { name: "basic", pattern: /(?<before>\bbasic\s{1,3})(?<secret>[A-Za-z0-9+/]{6,}={0,2})/gi, test: isBasic },
  {
    name: "assignment",
    pattern: new RegExp(
      `(?<before>${SECRET_NAME}(?:[_.-]?(?:value|base64|b64|hash|pem|enc|raw|[0-9]{1,2}))?\\\\{0,3}["'\`\\]]{0,2}\\s{0,5}(?:=>|:=|[:=])\\s{0,5})` +
        `(?<secret>\\\\{0,3}"(?:[^"\\\\\\r\\n]|\\\\[^"\\r\\n]){1,8000}|\\\\{0,3}'[^'\\r\\n]{1,8000}|[^\\s"'\`<>,;&(){}\\[\\]\\\\|]{2,8000})`,
      "gi",
    ),
    test: (value) => isSecret(value.replace(/^\\*["']/, "")),
  },
  {
    name: "option",
    pattern: new RegExp(
      `(?<before>(?<![\\w-])--?[a-z-]{0,30}${SECRET_NAME}["']?[ =]\\s{0,3}["']?)(?<secret>[^\\s"'\`-][^\\s"'\`]{1,8000})`,
      "gi",
    ),
    test: isSecret,
  },
  {
    name: "option",
    pattern:
      /(?<before>(?<![\w-])(?:-u|--user|--proxy-user)[ =]\s{0,3}["']?[^\s:"']{1,100}:)(?<secret>[^\s"']{1,1000})/g,
    test: isSecret,
  },
  {
    name: "netrc",
    pattern: /(?<before>\blogin\s{1,5}\S{1,200}\s{1,5}password\s{1,5})(?<secret>\S{1,1000})/gi,
    test: isSecret,
  },
  {
    name: "element",
    pattern: new RegExp(`(?<before><[\\w:.-]{0,40}${SECRET_NAME}(?:\\s[^<>]{0,200})?>)(?<secret>[^<>]{1,8000})`, "gi"),
    test: isSecret,
  },
];

/** The text with every secret that is told from it replaced by `[redacted:RULE]`. */
export function withoutSecrets(text: string, found: Found): string {
  let clean = text;
  for (const { name, pattern, test } of RULES) {
    clean = clean.replace(pattern, (...match) => {
      const groups = match.at(-1) as { before?: string; secret?: string; after?: string } | string;
      const { before = "", secret = match[0] as string, after = "" } = typeof groups === "string" ? {} : groups;
      if (secret.startsWith("[redacted:") || (test && !test(secret))) return match[0] as string;
      found(name);
      return `${before}${quoteOf(secret)}[redacted:${name}]${after}`;
    });
  }
  return clean;
}

/** The quotation mark that a value begins with: its other one is not part of the match. */
function quoteOf(secret: string): string {
  return /^\\*["']/.exec(secret)?.[0] ?? "";
}
