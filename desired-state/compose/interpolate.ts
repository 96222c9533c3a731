import { type Cast, casts } from './casts.ts';
import { Complaint, isModel, matches, type Value } from './model.ts';
import { bounds, TooMuch } from './too-much.ts';

/** Variables by name, and the names that were asked for in vain where nothing stands in for them. */
export interface Variables {
  get(name: string): string | undefined;
  unset: Set<string>;
}

const pattern = /\$(?:(\$)|([_a-z][_a-z0-9]*)|\{(?:([_a-z][_a-z0-9]*(?::?[-+?][^\n]*)?)\}|()))/gi;

/** A text with its variables put in; compose-go's template.go. Throws Complaint, TooMuch where it grows without end. */
export function substitute(template: string, variables: Variables): string {
  if (!template.includes('$')) return template;
  if (template.split('\n').some((line) => line.split('${').length - 1 > bounds.braces))
    throw new TooMuch(`more than ${bounds.braces} variables in braces stand on one line`);
  let length = template.length;
  return template.replace(pattern, (match) => {
    const text = replaced(match, template, variables);
    length += text.length - match.length;
    if (length > bounds.text) throw new TooMuch('its variables make more than 1 MiB of it');
    return text;
  });
}

function replaced(match: string, template: string, variables: Variables): string {
  const end = closingBrace(match);
  const [head, rest] = end < 0 ? [match, ''] : [match.slice(0, end + 1), match.slice(end + 1)];
  const [, escaped, named, braced] = new RegExp(pattern.source, 'i').exec(head) ?? [];
  if (escaped) return '$';
  if (named) return plainVariable(named, variables);
  if (!braced) throw new InvalidTemplate(template);
  const operation = /^([_a-z][_a-z0-9]*)(:?[-+?])(.*)$/is.exec(braced);
  if (!operation) return plainVariable(braced, variables);
  const [, name = '', operator = '', argument = ''] = operation;
  return operated(name, operator, substitute(argument, variables), variables) + substitute(rest, variables);
}

/** Position of the brace that closes the first one; compose counts every brace, not only those after a `$`. */
function closingBrace(text: string): number {
  let open = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === '}') {
      open -= 1;
      if (open === 0) return index;
    }
    if (text[index] === '{') {
      open += 1;
      index += 1;
    }
  }
  return -1;
}

function plainVariable(name: string, variables: Variables): string {
  const value = variables.get(name);
  if (value === undefined) variables.unset.add(name);
  return value ?? '';
}

function operated(name: string, operator: string, argument: string, variables: Variables): string {
  const value = variables.get(name);
  const present = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
  switch (operator.at(-1)) {
    case '-':
      return present ? (value ?? '') : argument;
    case '+':
      return present ? argument : (value ?? '');
    default:
      if (present) return value ?? '';
      throw new Complaint(
        `required variable ${name} is missing a value${argument === '' ? '' : `: ${argument}`}`,
      );
  }
}

class InvalidTemplate extends Complaint {
  readonly template: string;
  constructor(template: string) {
    super(`Invalid template: ${JSON.stringify(template)}`);
    this.template = template;
  }
}

/** Every text of a model with its variables put in, and cast where compose wants a number or a boolean. */
export function interpolate(value: Value, variables: Variables): Value {
  return interpolateAt(value, { variables, left: bounds.project }, []);
}

interface Interpolation {
  variables: Variables;
  /** Letters that all texts together may still have. */
  left: number;
}

function interpolateAt(value: Value, all: Interpolation, path: string[]): Value {
  if (typeof value === 'string') return interpolateText(value, all, path);
  if (Array.isArray(value)) return value.map((item) => interpolateAt(item, all, [...path, '[]']));
  if (!isModel(value)) return value;
  for (const key of Object.keys(value)) {
    value[key] = interpolateAt(value[key] ?? null, all, [...path, key]);
  }
  return value;
}

function interpolateText(text: string, all: Interpolation, path: string[]): Value {
  const where = path.join('.');
  try {
    const done = substitute(text, all.variables);
    all.left -= done.length;
    if (all.left < 0) throw new TooMuch('with it, variables make more than 16 MiB of the file');
    const cast = castOf(path);
    return cast === undefined ? done : cast(done);
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    if (error instanceof InvalidTemplate) {
      throw new Complaint(
        `invalid interpolation format for ${where}.\nYou may need to escape any $ with another $.\n${error.template}`,
      );
    }
    throw new Complaint(
      `error while interpolating ${where}: ${error instanceof TooMuch ? error.why : error.message}`,
    );
  }
}

function castOf(path: string[]): Cast | undefined {
  return casts.find(([place]) => matches(path, place))?.[1];
}
