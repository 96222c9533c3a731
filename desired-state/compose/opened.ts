import { openFile, type SecretBox } from '../../tools/secrets/box.ts';
import { standInText } from '../secrets/stand-ins.ts';
import { readSources } from './sources.ts';
import type { ComposeRequest } from './types.ts';

/** A request together with what is in no file that compose could read by itself. Never kept longer than one call. */
export interface OpenedRequest extends ComposeRequest {
  /** Texts of environment files: `first` before those of the request, `last` after them. */
  first: string[];
  last: string[];
}

/** Throws SecretError. */
export async function openRequest(
  request: ComposeRequest,
  box: SecretBox | undefined,
): Promise<OpenedRequest> {
  const { encrypted = [] } = request;
  const last: string[] = [];
  for (const file of encrypted) if (box !== undefined) last.push(await openFile(box, file));
  const first = request.standIns === true ? [standInText(await readSources(request))] : [];
  return { ...request, first, last };
}
