import path from 'node:path';
import type { SecretBox } from '../../tools/secrets/box.ts';
import { SecretError } from '../../tools/secrets/error.ts';
import { envDoubt } from '../compose/env-doubt.ts';
import { parseEnvFile } from '../compose/env-file.ts';
import type { Variables } from '../compose/interpolate.ts';
import { Complaint } from '../compose/model.ts';
import { environmentValues, longEnough } from '../compose/sources.ts';
import { TooMuch } from '../compose/too-much.ts';
import type { EnvLines } from '../context.ts';
import { envLines } from '../fields.ts';
import type { RepositoryFiles } from '../files.ts';
import type { ServiceFolder } from '../service-folder.ts';

/** What is known of the encrypted files of a service. */
export interface Opened {
  /** Names and lines of variables. */
  env: EnvLines[];
  /**
   * Whether a text holds a value that is too long to be there by chance, and that is not in `open` as well. For the moment
   * of loading: keep it nowhere.
   */
  isIn: (text: string, open: string) => boolean;
  /** Why the service has to wait, as a sentence; null: all were opened. */
  locked: string | null;
}

/** Opens each once, to learn what it sets. Readers of compose files open them again when they need the values. */
export async function openSecrets(
  { folder, encrypted }: Pick<ServiceFolder, 'folder' | 'encrypted'>,
  files: RepositoryFiles,
  box: SecretBox,
): Promise<Opened> {
  const env: EnvLines[] = [];
  const values: string[] = [];
  try {
    for (const name of encrypted) {
      const file = path.posix.join(folder, name);
      const text = await openOne(file, files, box);
      env.push(envLines(file, Buffer.from(text)));
      values.push(...environmentValues(text).filter(({ length }) => length >= longEnough));
    }
    const isIn: Opened['isIn'] = (text, open) =>
      values.some((value) => text.includes(value) && !open.includes(value));
    return { env, isIn, locked: null };
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    return { env: [], isIn: () => false, locked: error.message };
  }
}

async function openOne(file: string, files: RepositoryFiles, box: SecretBox): Promise<string> {
  const content = files.read(file);
  if (content === null) throw new SecretError(`${file} cannot be read`);
  const text = await box.open(file, content.bytes);
  const fault = dotenvFault(text);
  if (fault !== null) throw new SecretError(`${file} was opened, and ${fault}; run steward secrets edit`);
  return text;
}

/** What is wrong with the text of an environment file; null: nothing. Compose would quote the line, value and all. */
export function dotenvFault(text: string): string | null {
  // Variables of other files may be empty here; what they make of this one is found where all are read.
  const fault = faultWith(text, () => '');
  if (fault !== null) return fault.sentence;
  const doubt = envDoubt(text);
  if (doubt !== null) return `its line ${doubt.line} may be read in another way: ${doubt.why}`;
  const growth = faultWith(text, () => undefined);
  return growth?.isTooMuch === true ? growth.sentence : null;
}

function faultWith(text: string, get: Variables['get']): { sentence: string; isTooMuch: boolean } | null {
  try {
    parseEnvFile(text, { get, unset: new Set() });
    return null;
  } catch (error) {
    if (error instanceof TooMuch)
      return { sentence: `its line ${error.line}: ${error.why}`, isTooMuch: true };
    if (!(error instanceof Complaint)) throw error;
    const line = /^line (\d+)/.exec(error.message)?.[1];
    const sentence = line === undefined ? 'is no environment file' : `its line ${line} is not NAME=value`;
    return { sentence, isTooMuch: false };
  }
}
