import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jsonSchema, schemaNames } from '../../desired-state/schema/json-schema.ts';
import { UserError } from '../errors.ts';

/** Writes a config repository to start from. Nothing that is there already is overwritten. */
export async function init(directory: string): Promise<number> {
  const root = resolve(directory);
  mkdirSync(root, { recursive: true });
  const taken = templateFiles().filter((file) => existsSync(join(root, file)));
  if (taken.length > 0) throw new UserError(`${root} has ${taken.join(', ')} already; nothing was written`);
  cpSync(templateRoot, root, { recursive: true, errorOnExist: true, force: false });
  // npm leaves .gitignore files out of packages: the template carries it under another name.
  if (existsSync(join(root, 'gitignore'))) renameSync(join(root, 'gitignore'), join(root, '.gitignore'));
  mkdirSync(join(root, 'schemas'), { recursive: true });
  for (const name of schemaNames)
    writeFileSync(join(root, 'schemas', `${name}.schema.json`), jsonSchema(name));
  const place = relative(process.cwd(), root);
  process.stdout.write(`Wrote a config repository ${place === '' ? 'here' : `to ${place}`}.\n`);
  const next = `steward validate ${place}`.trim();
  process.stdout.write(`Next: look at ${join(place, 'lab.yaml')}, then: ${next}\n`);
  return 0;
}

const templateRoot = fileURLToPath(new URL('../init/template', import.meta.url));

function templateFiles(): string[] {
  return readdirSync(templateRoot).map((name) => (name === 'gitignore' ? '.gitignore' : name));
}
