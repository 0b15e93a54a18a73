/** Owns which names say that their value is a secret: of fields, headers, variables, options, parameters, elements. */

const ENDINGS = [
  "password",
  "passwort",
  "passwd",
  "passphrase",
  "passcode",
  "pwd",
  "secret",
  "token",
  "apikey",
  "accesskey",
  "accountkey",
  "appkey",
  "authkey",
  "clientkey",
  "encryptionkey",
  "licensekey",
  "masterkey",
  "privatekey",
  "secretkey",
  "servicekey",
  "sharedkey",
  "signingkey",
  "sshkey",
  "subscriptionkey",
  "credential",
  "credentials",
  "connectionstring",
  "webhookurl",
] as const;

/** How names that tell of a secret end: their last two letters in lower case. */
const LAST_LETTERS = "ac al as at aw de em en es et ey ie ig ls ng on pw rd re rl rt se sk ss th ue wd";
const LAST = new Uint8Array(1024);
for (const pair of LAST_LETTERS.split(" ")) LAST[(pair.charCodeAt(0) & 31) * 32 + (pair.charCodeAt(1) & 31)] = 1;
const DIGITS_END = 57;

/** False for most names that tell of no secret, by their last two units. */
export function mayTell(last2: number, last: number): boolean {
  return last <= DIGITS_END || LAST[(last2 & 31) * 32 + (last & 31)] === 1;
}

const LONGEST = 80;
const MOST_NAMES = 4096;

export type NameKind = "none" | "secret" | "random" | "header";
const kinds = new Map<string, NameKind>();

/** What a name says: values of `random` names are made by chance, those of `header` go on to the end of their line. */
export function kindOf(name: string): NameKind {
  let kind = kinds.get(name);
  if (kind === undefined) {
    kind = name.length > LONGEST ? "none" : judge(name);
    if (kinds.size >= MOST_NAMES) kinds.clear();
    kinds.set(name, kind);
  }
  return kind;
}

function judge(name: string): NameKind {
  // What may follow the word that counts: `token_value`, `password2`.
  const bare = name.replace(/[_.-]?(?:value|base64|b64|pem|raw|plain|\d{1,2})$/i, "");
  const plain = bare.replace(/[^A-Za-z0-9]/g, "").toLowerCase();
  if (/^(?:proxy)?authorization$|^(?:set)?cookies?$/.test(plain)) return "header";
  // By themselves these are words of their own: `pass: 12`.
  if (/^(?:auth|pass|pat)$/.test(bare)) return "random";
  // Not the end of another word: `db_pass`, never `compass`.
  if (/(?:^|[_.-])(?:auth|pass|pat|psk|pw)$/i.test(bare) || /[a-z](?:Auth|Pass|Pat)$/.test(bare)) return "secret";
  if (!ENDINGS.some((ending) => plain.endsWith(ending))) return "none";
  return /(?:token|key)$/.test(plain) ? "random" : "secret";
}

/** Of these everything below is a secret. */
export function isGroup(name: string): boolean {
  return /^(?:credentials?|secrets|cookies?|passwords)$/i.test(name);
}

/** In the query of an address these are what a signature or a grant is. */
export function isParameter(name: string): boolean {
  return /^(?:sig|signature|code|key|hmac|xamzsignature|xgoogsignature|sas|ticket|assertion)$/.test(
    name.replace(/-/g, "").toLowerCase(),
  );
}

/** `STRIPE_KEY=...`: a variable that may hold a secret, if the value looks like one. */
export function isKeyVariable(name: string): boolean {
  return /^[A-Z][A-Z0-9_]*_KEY$/.test(name);
}
