import path from 'node:path';
import { shownNames, shownTexts } from '../compose/mask.ts';
import type { ServiceContext } from '../context.ts';
import type { YamlFile } from '../locate.ts';
import { errorAt } from '../problems.ts';
import type { Problem } from '../types.ts';
import type { Opened } from './open.ts';
import { standIn } from './stand-ins.ts';

type Context = Pick<ServiceContext, 'composeYaml' | 'folder' | 'env' | 'project' | 'files'>;

/** Uses of encrypted variables and files that would show a value, or read what is not there; also in files taken in. */
export function checkUse(context: Context, { locked, isIn }: Opened, taken: readonly YamlFile[]): Problem[] {
  const open = plainText(context, taken);
  return [
    ...shownValues(context, (text) => isIn(text, open)),
    ...context.composeYaml.flatMap((yaml) => [
      ...readByContainers(context, yaml),
      ...(locked === null ? [] : unknownShown(context, yaml, locked)),
    ]),
  ];
}

/** What stands in Git for all to read: a value that is in there as well is no secret. */
function plainText({ folder, files }: Context, taken: readonly YamlFile[]): string {
  const env = folder.hasEnv ? [`${folder.folder}/.env`] : [];
  const names = [...taken.map(({ file }) => file), ...env];
  return names.map((name) => Buffer.from(files.read(name)?.bytes ?? []).toString('utf8')).join('\n');
}

/** By whatever way a value came there, such as an env_file of an include, under another name. */
function shownValues(
  { project, folder, composeYaml }: Context,
  isSecret: (text: string) => boolean,
): Problem[] {
  return [...shownTexts(project), ...shownNames(project)].flatMap(({ path: at, text }) => {
    const yaml = composeYaml.findLast((each) => each.find(at)) ?? composeYaml[0];
    if (yaml === undefined || !isSecret(text)) return [];
    const where = at.map((part) => (isSecret(part) ? '***' : part)).join('.');
    const message = `${where} is shown in plans and kept in the state, and holds a value out of ${folder.encrypted.join(' or ')}`;
    return [errorAt(yaml.at(at), message, 'set its variable in .env, which may be seen')];
  });
}

/**
 * Images, names, ports and paths stand in plans and in the state as they are, so no secret may be part of them. Asked before
 * compose is: what it says is remembered.
 */
export function shownVariables({ env, folder }: Pick<Context, 'env' | 'folder'>, yaml: YamlFile): Problem[] {
  return shownTexts(yaml.value).flatMap(({ path: at, text }) =>
    variables(text).flatMap((name) => {
      const file = env.findLast((each) => each.variables.has(name))?.file ?? '';
      if (!folder.encrypted.includes(path.posix.basename(file))) return [];
      const message = `${at.join('.')} is shown in plans and kept in the state, and ${name} comes out of ${file}`;
      return [errorAt(yaml.at(at), message, `set ${name} in .env, which may be seen`, `\${${name}}`)];
    }),
  );
}

/** What a locked file would have set may not be guessed where resources follow from it. */
function unknownShown({ project }: Context, yaml: YamlFile, locked: string): Problem[] {
  const found = [...shownTexts(project), ...shownNames(project)].filter(({ text }) => text.includes(standIn));
  return found.map(({ path: at }) => {
    const message = `${at.join('.')} needs a variable that no readable file sets, and ${locked}`;
    return errorAt(yaml.at(at), message, 'set it in .env, which may be seen');
  });
}

function variables(text: string): string[] {
  const found = text.matchAll(/(?<!\$)(?:\$\$)*\$\{?([A-Za-z_]\w*)/g);
  return [...new Set([...found].map((match) => match[1] ?? ''))];
}

/** Compose would hand the container the lines of the encrypted file as they are. */
function readByContainers({ folder }: Context, yaml: YamlFile): Problem[] {
  const services = (yaml.value as { services?: Record<string, unknown> } | null)?.services ?? {};
  return Object.entries(services).flatMap(([container, service]) =>
    envFilesOf(service).flatMap(({ at, file }) => {
      const name = path.posix.normalize(file);
      if (!folder.encrypted.includes(name)) return [];
      const message = `${name} is encrypted, and env_file would hand it to the container as it is`;
      const fix = `remove it from env_file, and name each variable: environment: { NAME: \${NAME} }`;
      return [errorAt(yaml.at(['services', container, ...at]), message, fix, file)];
    }),
  );
}

function envFilesOf(service: unknown): { at: (string | number)[]; file: string }[] {
  const value = (service as { env_file?: unknown } | null)?.env_file;
  const list = Array.isArray(value) ? value : [value];
  return list.flatMap((item: unknown, index) => {
    const file = typeof item === 'string' ? item : (item as { path?: unknown } | null)?.path;
    return typeof file === 'string'
      ? [{ at: ['env_file', ...(Array.isArray(value) ? [index] : [])], file }]
      : [];
  });
}
