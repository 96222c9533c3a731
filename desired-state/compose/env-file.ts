import { substitute, type Variables } from './interpolate.ts';
import { Complaint } from './model.ts';

/**
 * An environment file in compose's dialect (compose-go's dotenv): `export`, `KEY: value`, quotes over several
 * lines, escapes in double quotes, ` #` comments, variables. `outer` is asked first. Throws Complaint.
 */
export function parseEnvFile(text: string, outer: Variables): Map<string, string> {
  const state: State = {
    rest: text.replaceAll('\r\n', '\n').replace(/^\uFEFF/, ''),
    line: 1,
    values: new Map(),
  };
  const inner: Variables = {
    get: (name) => outer.get(name) ?? state.values.get(name),
    unset: outer.unset,
  };
  while (skipToStatement(state)) statement(state, inner, outer);
  return state.values;
}

interface State {
  rest: string;
  line: number;
  values: Map<string, string>;
}

function take(state: State, length: number): string {
  const taken = state.rest.slice(0, length);
  state.line += taken.split('\n').length - 1;
  state.rest = state.rest.slice(length);
  return taken;
}

function skipToStatement(state: State): boolean {
  take(state, /^(?:\s+|#[^\n]*)*/.exec(state.rest)?.[0].length ?? 0);
  return state.rest !== '';
}

const blank = '[\\t\\v\\f\\r \\u0085\\u00a0]';

function statement(state: State, inner: Variables, outer: Variables): void {
  take(state, new RegExp(`^export${blank}+`).exec(state.rest)?.[0].length ?? 0);
  const name = /^[\p{L}\p{N}_.[\]\-\t\v\f\r \u0085\u00a0]*/u.exec(state.rest)?.[0] ?? '';
  const separator = state.rest[name.length];
  if (separator !== undefined && !'=:\n'.includes(separator)) {
    const line = state.rest.split('\n', 1)[0];
    throw new Complaint(
      `line ${state.line}: unexpected character ${JSON.stringify(separator)} in variable name "${line}"`,
    );
  }
  const key = separator === undefined ? '' : name.trimEnd();
  if (key.includes(' ')) throw new Complaint(`line ${state.line}: key cannot contain a space`);
  if (separator === undefined) throw new Complaint(`line ${state.line}: a variable without a value`);
  take(state, name.length + 1);
  take(state, new RegExp(`^${blank}*`).exec(state.rest)?.[0].length ?? 0);
  if (separator === '\n') {
    const inherited = outer.get(key);
    if (inherited !== undefined) state.values.set(key, inherited);
  } else state.values.set(key, value(state, inner));
}

function value(state: State, variables: Variables): string {
  const quote = state.rest[0];
  if (quote !== '"' && quote !== "'") {
    const line = take(state, (state.rest.indexOf('\n') + 1 || state.rest.length + 1) - 1);
    return substitute(line.replace(/ #.*$/s, '').trimEnd(), variables);
  }
  const match = (quote === '"' ? /^"((?:\\.|[^"\\])*)"/s : /^'((?:\\.|[^'\\])*)'/s).exec(state.rest);
  if (!match) {
    throw new Complaint(`line ${state.line}: unterminated quoted value`);
  }
  take(state, match[0].length);
  const raw = (match[1] ?? '').replaceAll(`\\${quote}`, quote);
  return quote === '"' ? substitute(escapes(raw), variables) : raw;
}

const controls: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};

function escapes(text: string): string {
  return text.replace(/\\(?:([abcfnrtv$"\\])|0(\d{0,3}))/g, (whole, letter?: string, octal?: string) => {
    if (letter === '$') return '$$';
    if (letter !== undefined) return controls[letter] ?? whole;
    return octal !== undefined && /^[0-3][0-7]{2}$/.test(octal)
      ? String.fromCharCode(Number(`0o${octal}`))
      : whole;
  });
}
