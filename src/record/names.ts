/** Owns which names say that their value is a secret: of fields, headers, variables, options, parameters, elements. */

/** How names that tell of a secret end: their last letters in lower case, three or two. */
const LAST_LETTERS =
  "ord ort swd pwd ase ode ret ken key ial als ing url ion kie ies uth ass pat psk pw lue pem raw ain sig ure mac sas ket ets rds eys";
const LAST = new Uint8Array(1 << 15);
for (const letters of LAST_LETTERS.split(" ")) {
  const [c = 0, b = 0, a] = [...letters].reverse().map((letter) => letter.charCodeAt(0) & 31);
  for (let any = a ?? 0; any <= (a ?? 31); any++) LAST[(any << 10) | (b << 5) | c] = 1;
}
const DIGIT_9 = 57;
const CAPITAL_Z = 90;
const UNDERSCORE = 95;

/** False for most words of a text that are no name of a secret: by their first unit and the last three. */
export function mayTell(text: string, start: number, end: number): boolean {
  if (text.charCodeAt(start) <= DIGIT_9 && text.charCodeAt(start) !== 45) return false;
  const c = text.charCodeAt(end - 1);
  // Digits end it, or capitals: `SECRET_KEY_BASE`.
  if (c <= DIGIT_9 || (c <= CAPITAL_Z && text.charCodeAt(end - 2) <= UNDERSCORE)) return true;
  return LAST[((text.charCodeAt(end - 3) & 31) << 10) | ((text.charCodeAt(end - 2) & 31) << 5) | (c & 31)] === 1;
}

const LONGEST = 80;
const MOST_NAMES = 16_384;

export type NameKind = "none" | "secret" | "random" | "header";
const kinds = new Map<string, NameKind>();

/** What a name says: values of `random` names are made by chance, those of `header` go on to the end of their line. */
export function kindOf(name: string): NameKind {
  let kind = kinds.get(name);
  if (kind === undefined) {
    kind = name.length > LONGEST ? "none" : judge(name);
    if (kinds.size >= MOST_NAMES) kinds.clear();
    kinds.set(Buffer.from(name).toString(), kind); // a copy: the name itself would hold on to the text it is cut from
  }
  return kind;
}

function judge(name: string): NameKind {
  // What may follow the word that counts: `token_value`, `password2`.
  const bare = name.replace(/[_.-]?(?:value|base64|b64|pem|raw|plain|\d{1,2})$/i, "");
  const plain = bare.replace(/[^A-Za-z0-9]/g, "").toLowerCase();
  if (/^(?:proxy)?authorization$|^(?:set)?cookies?$/.test(plain)) return "header";
  // Variables may say more after it: `SECRET_KEY_BASE`, `PASSWORD_TEST`.
  if (/^[A-Z][A-Z0-9_]*$/.test(name) && /(?:^|_)(?:SECRETS?|PASSWORD|PASSWD|CREDENTIALS?)(?:_|$)/.test(name))
    return "secret";
  // By themselves these are words of their own: `pass: 12`.
  if (/^(?:auth|pass|pat)$/.test(bare)) return "random";
  // Not the end of another word: `db_pass`, never `compass`.
  if (/(?:^|[_.-])(?:auth|pass|pat|psk|pw)$/i.test(bare) || /[a-z](?:Auth|Pass|Pat)$/.test(bare)) return "secret";
  if (
    /(?:token|^tokens|(?:access|api|auth|bearer|refresh)tokens|(?:api|access|account|app|auth|client|encryption|license|master|private|secret|service|shared|signing|ssh|subscription)keys?)$/.test(
      plain,
    )
  )
    return "random";
  return /(?:passw(?:or[dt]|d)s?|passphrases?|passcode|pwd|secrets?|credentials?|connectionstring|webhookurl)$/.test(
    plain,
  )
    ? "secret"
    : "none";
}

/** Of these everything below is a secret. */
export function isGroup(name: string): boolean {
  return /^(?:credentials?|secrets?|cookies?|passwords?|api[_-]?keys?)$/i.test(name);
}

/** Of these a number says how many there are. */
export function isPlural(name: string): boolean {
  return /[^s]s$/i.test(name);
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
