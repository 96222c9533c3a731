import { Complaint } from './model.ts';

const seconds: Record<string, number> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/** A duration as Go prints it: `90s` -> `1m30s`. Throws Complaint where Go would not read it. */
export function goDuration(text: string): string {
  if (!/^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.test(text)) {
    throw new Complaint(`time: invalid duration "${text}"`);
  }
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)];
  const total = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (seconds[unit ?? ''] ?? 0), 0);
  const nanoseconds = Math.round(total * 1e9);
  return (text.startsWith('-') && nanoseconds > 0 ? '-' : '') + printed(nanoseconds);
}

function printed(ns: number): string {
  if (ns === 0) return '0s';
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}µs`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  const hours = Math.floor(ns / 3600e9);
  const minutes = Math.floor(ns / 60e9) % 60;
  const rest = (ns % 60e9) / 1e9;
  return `${hours > 0 ? `${hours}h` : ''}${hours + minutes > 0 ? `${minutes}m` : ''}${rest}s`;
}

/** Bytes of `512m`, `1.5gb`, `64 KiB`: powers of 1024 (go-units' RAMInBytes). Throws Complaint. */
export function ramBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?(?:([kmgtp])?i?b?)$/i.exec(text);
  if (!match) throw new Complaint(`invalid size: '${text}'`);
  const power = ' kmgtp'.indexOf((match[2] ?? ' ').toLowerCase());
  return Math.trunc(Number(match[1]) * 1024 ** power);
}

/** Splits a command line as go-shellwords does: an unquoted `;`, `&`, `|`, `<` or `>` ends it. Throws Complaint. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let buffer = '';
  let quote = '';
  let started = false;
  const push = () => {
    if (started) words.push(buffer);
    [buffer, started] = ['', false];
  };
  for (let index = 0; index < line.length; index += 1) {
    const char = line[index] ?? '';
    if (char === '\\' && quote !== "'") {
      index += 1;
      if (index >= line.length) throw new Complaint('invalid command line string');
      [buffer, started] = [buffer + (line[index] ?? ''), true];
    } else if (quote !== '') {
      if (char === quote) quote = '';
      else buffer += char;
    } else if (char === '"' || char === "'") [quote, started] = [char, true];
    else if (/\s/.test(char)) push();
    else if (';&|<>'.includes(char)) break;
    else if (char === '(' && !buffer.endsWith('$')) throw new Complaint('invalid command line string');
    else [buffer, started] = [buffer + char, true];
  }
  if (quote !== '') throw new Complaint('invalid command line string');
  push();
  return words;
}
