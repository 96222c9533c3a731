/**
 * Plain secrets in a text, by their form or by the name of their variable. Pure, and it never gives the value: only
 * where it stands and what it looks like.
 */
export interface PlainSecret {
  line: number;
  column: number;
  /** A sentence's beginning: `a token of GitHub`, `a plain value of DB_PASSWORD`. */
  what: string;
  /** Name of the variable; null for what is known by its form alone. */
  variable: string | null;
}

export function plainSecrets(file: string, text: string): PlainSecret[] {
  const named = isEnvironment(file) ? envVariable : /\.ya?ml$/.test(file) ? yamlVariable : null;
  return text.split('\n').flatMap((row, index) => {
    const line = index + 1;
    const form = byForm(row);
    if (form !== null) return [{ line, ...form, variable: null }];
    const found = named === null ? null : (byName(row, named) ?? byUrl(row));
    return found === null ? [] : [{ line, ...found }];
  });
}

/** Whether a file holds variables in the way of `.env`. */
export function isEnvironment(file: string): boolean {
  const name = file.split('/').at(-1) ?? '';
  return /^\.env(\.|$)|\.env$/.test(name) && !/\.(age|ya?ml)$/.test(name);
}

/**
 * As their makers document them. Bcrypt and other hashes are no secrets: they are made to be kept. None begins anew within
 * what it has looked through already: a long line would take hours.
 */
const forms: [what: string, pattern: RegExp][] = [
  ['an access key of AWS', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a token of GitHub', /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})/],
  ['a token of GitLab', /\bglpat-[\w-]{20,}/],
  ['a token of Slack', /\bxox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com\/services\/T\w+\/B\w+\/\w+/],
  ['a key of Google', /\bAIza[\w-]{35}/],
  ['a key of Stripe', /\b[rs]k_live_[A-Za-z0-9]{16,}/],
  ['a token of npm', /\bnpm_[A-Za-z0-9]{36}/],
  ['a private key', /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----/],
  ['an identity of age', /\bAGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{20,}/],
  ['a JSON Web Token', /(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/],
];

function byForm(row: string): { column: number; what: string } | null {
  for (const [what, pattern] of forms) {
    const at = row.search(pattern);
    if (at >= 0) return { column: at + 1, what };
  }
  return null;
}

const quoted = `"(?:[^"\\\\]|\\\\.)*"|'[^']*'`;
/** Also a second one in a line: compose goes on behind a closing quote. */
const envVariable = new RegExp(
  `(?:^|(?<=["']))[\\s\\u0085]*(?:export\\s+)?([A-Za-z_]\\w*)[\\s\\u0085]*[=:][\\s\\u0085]*(${quoted}|.*)`,
  'g',
);
/** `NAME: value`, `- NAME=value`, and both within the braces of one line. */
const yamlVariable = new RegExp(
  `(?:^\\s*(?:-\\s*)?|[{,[]\\s*)["']?([A-Za-z_]\\w*)["']?\\s*(?::\\s|=)(?!\\s*[{[])\\s*(${quoted}|[^,}\\]]*)`,
  'g',
);

function byName(row: string, pattern: RegExp): Omit<PlainSecret, 'line'> | null {
  if (row.trimStart().startsWith('#')) return null;
  for (const match of row.matchAll(pattern)) {
    const [whole, name = '', rest = ''] = match;
    if (!isSecret(name, plain(rest))) continue;
    const column = match.index + whole.indexOf(name) + 1;
    return { column, what: `a plain value of ${name}`, variable: name };
  }
  return null;
}

/** `postgres://app:hunter22@db/app`: whatever the variable is called. */
const url = /\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s:@/"']*:([^\s@/"']+)@/gi;

function byUrl(row: string): Omit<PlainSecret, 'line'> | null {
  if (row.trimStart().startsWith('#')) return null;
  for (const { 0: whole, 1: password = '', index } of row.matchAll(url)) {
    if (isPlaceholder(password)) continue;
    const column = index + whole.lastIndexOf(`${password}@`) + 1;
    return { column, what: 'a plain password in a URL', variable: null };
  }
  return null;
}

const secretName =
  /PASS(WORD|WD|PHRASE)?($|_)|PASSWORD|SECRET|TOKEN|CREDENTIALS?$|(API|PRIVATE|ACCESS)_?KEY/i;
/** `PRIMARY_KEY` may be a word, so what it holds has to look like a key too. */
const keyName = /(^|_)KEY$|KEY_BASE$/i;
const otherName = /_(FILE|PATH|DIR|URL|ID|NAME|HEADER|TTL|EXPIRY)$/i;

function isSecret(name: string, value: string): boolean {
  if (otherName.test(name) || isPlaceholder(value)) return false;
  return secretName.test(name) || (keyName.test(name) && isRandom(value));
}

/** Without quotes, the comment behind it, and what closes a list or mapping. */
function plain(text: string): string {
  const quoted = /^(["'])(.*?)\1/.exec(text.trim());
  if (quoted?.[2] !== undefined) return quoted[2];
  const value = text.replace(/\s#.*$/, '');
  // By hand: a pattern would try again at each of many blanks.
  let end = value.length;
  while (end > 0 && /["'\]},\s]/.test(value[end - 1] ?? '')) end -= 1;
  return value.slice(0, end).trim();
}

/** What stands in for a value, names another place, or is a hash. */
function isPlaceholder(value: string): boolean {
  if (value.length < 4 || /(?<!\$)(?:\$\$)*\$(?:\{|[A-Za-z_])/.test(value)) return true;
  if (/^\$+(2[aby]|argon2\w*|[156y]|scrypt)\$/.test(value) || value.startsWith('ENC[')) return true;
  if (/^(true|false|null|none|yes|no|required|optional|disabled|enabled|\d{1,5})$/i.test(value)) return true;
  if (/^[/<[{&*|>~]|^\.{1,2}\//.test(value)) return true;
  return /change.?(me|it|this)|example|placeholder|your[-_ ]|replace|x{4,}|\*{3,}|\.{3}|…/i.test(value);
}

/** Bits a character, as of Shannon: words of a language stay below 3.5, random ones of this length do not. */
function isRandom(value: string): boolean {
  if (value.length < 16) return false;
  const counts = new Map<string, number>();
  for (const letter of value) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  const shares = [...counts.values()].map((count) => count / value.length);
  return -shares.reduce((sum, share) => sum + share * Math.log2(share), 0) >= 3.3;
}
