/** The house's rules as data and pure functions; check-layout.ts applies them to the tree. */

/** Room -> rooms that it may import from (besides itself and tools). The direction in which data walks. */
export const mayImport: Record<string, readonly string[]> = {
  tools: [],
  'desired-state': [],
  observers: [],
  reconciler: ['desired-state', 'observers'],
  metrics: ['reconciler'],
  simulator: ['desired-state', 'observers', 'reconciler'],
  cli: ['desired-state', 'observers', 'reconciler', 'metrics', 'simulator'],
  bench: ['desired-state', 'observers', 'reconciler', 'metrics', 'simulator', 'cli', 'packaging', 'test'],
  packaging: ['desired-state'],
  test: ['desired-state', 'observers', 'reconciler', 'metrics', 'simulator', 'cli', 'bench', 'packaging'],
};

/** Files of metrics and simulator may see only these of the reconciler: its types, never its workings. */
export const typesOnly: Record<string, RegExp> = {
  metrics: /^reconciler\/(types|cycle)\.ts$/,
  simulator: /^reconciler\/(types\.ts|apply\/(types|command)\.ts)$/,
};

export const longestFile = 300;

export interface SourceFile {
  /** Relative to the root of the checkout. */
  path: string;
  text: string;
}

/** One sentence for each rule that the file breaks. */
export function violations(file: SourceFile): string[] {
  return [...imports(file), ...length(file), ...leftOpen(file)];
}

function imports({ path, text }: SourceFile): string[] {
  const room = roomOf(path);
  const allowed = mayImport[room];
  if (allowed === undefined) return [`${path}: there is no room called ${room}`];
  return relativeImports(path, text).flatMap((target) => {
    const other = roomOf(target);
    if (other === room || other === 'tools' || !target.endsWith('.ts')) return [];
    if (!allowed.includes(other)) return [`${path}: ${room} must not import ${target}`];
    const narrow = other === 'reconciler' ? typesOnly[room] : undefined;
    return narrow === undefined || narrow.test(target)
      ? []
      : [`${path}: ${room} may import only types, not ${target}`];
  });
}

export function relativeImports(path: string, text: string): string[] {
  const specifiers = text.matchAll(/(?:\bfrom|\bimport\(|^import)\s*['"](\.[^'"]+)['"]/gm);
  return [...specifiers].map(([, specifier]) => {
    const resolved = new URL(specifier as string, `file:///${path}`);
    return decodeURIComponent(resolved.pathname.slice(1));
  });
}

function roomOf(path: string): string {
  return path.split('/')[0] ?? path;
}

function length({ path, text }: SourceFile): string[] {
  const lines = text.split('\n').length - 1;
  return lines > longestFile ? [`${path}: ${lines} lines, more than ${longestFile}; split it`] : [];
}

function leftOpen({ path, text }: SourceFile): string[] {
  const marks = new RegExp(['TO', 'DO|FIX', 'ME|\\.(?:skip|only|todo)\\('].join(''));
  return text.split('\n').flatMap((line, index) => {
    return marks.test(line) ? [`${path}:${index + 1}: left open: ${line.trim()}`] : [];
  });
}
