import { type Document, isScalar, visit, YAMLParseError } from 'yaml';

/**
 * Keys that stand twice in one map, in one pass over a document that was parsed with `uniqueKeys: false`. The library
 * itself holds each key against all others of its map: minutes for a small file of one large map.
 */
export function duplicateKeys(document: Document.Parsed): YAMLParseError[] {
  const errors: YAMLParseError[] = [];
  visit(document, {
    Map: (_key, { items }) => {
      const known = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const [start, end] = key.range ?? [0, 0];
        const message = 'Map keys must be unique';
        if (known.has(key.value)) errors.push(new YAMLParseError([start, end], 'DUPLICATE_KEY', message));
        known.add(key.value);
      }
    },
  });
  return errors;
}
