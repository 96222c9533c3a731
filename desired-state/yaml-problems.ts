import type { Document, YAMLError } from 'yaml';
import type { Origin, Problem } from './types.ts';

/** The YAML library's errors and warnings in plain words. */
export function yamlProblems(
  document: Document.Parsed,
  text: string,
  origin: (offset: number) => Origin,
): Problem[] {
  const findings = [...document.errors, ...document.warnings];
  const seen = new Set<string>();
  const rows = text.split('\n');
  return findings.flatMap((error) => {
    const where = origin(Math.min(error.pos[0], text.length));
    // One slip of the pen makes the parser stumble several times over the same line.
    const key = `${where.line}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const line = rows[where.line - 1]?.trim() ?? '';
    return [
      {
        ...where,
        severity: 'error' as const,
        ...inWords(error),
        ...(line ? { text: line.slice(0, 60) } : {}),
      },
    ];
  });
}

const misaligned = {
  message: 'the indentation does not fit the lines above',
  fix: 'align it with its neighbours',
};

function inWords(error: YAMLError): { message: string; fix: string } {
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return { message: 'the key is written twice', fix: 'keep one of the two' };
    case 'TAB_AS_INDENT':
      return { message: 'the line is indented with a tab', fix: 'indent with spaces' };
    case 'MULTIPLE_DOCS':
      return {
        message: 'the file holds more than one YAML document',
        fix: 'remove the line `---` and what follows it',
      };
    case 'BAD_INDENT':
      if (error.message.startsWith('Flow')) {
        return { message: 'a bracket above is not closed', fix: 'close it with ] or }' };
      }
      return misaligned;
    case 'BLOCK_AS_IMPLICIT_KEY':
      return misaligned;
    case 'MISSING_CHAR':
      return {
        message: 'a closing quote, bracket or `:` is missing',
        fix: 'complete the value or write `key: value`',
      };
    case 'BAD_ALIAS':
      return {
        message: 'an alias (`*name`) is not written properly',
        fix: 'quote the text if it starts with `*`',
      };
    case 'TAG_RESOLVE_FAILED':
      return {
        message: 'a tag (`!name`) is not known here',
        fix: 'remove it, or quote the text if it starts with `!`',
      };
    default:
      return {
        message: `not valid YAML: ${lowerFirst(error.message.split('\n', 1)[0] ?? '')}`,
        fix: 'correct the YAML of this line',
      };
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
