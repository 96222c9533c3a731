import type Docker from 'dockerode';
import { blot } from '../../tools/borg/passphrase.ts';
import { connectDocker, deadline, dockerSentence } from '../../tools/docker.ts';
import { readSecretFile } from '../../tools/secret-file.ts';
import type { Step } from '../types.ts';
import { type DockerOptions, withDocker } from './docker.ts';
import { StepError } from './types.ts';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;

interface Authentication {
  username: string;
  password: string;
  serveraddress: string;
}

/** Fetches an image; by a digest, it then gets the tag besides. Nothing that runs is touched. */
export async function pullImage(step: StepOf<'image-pull'>, options: DockerOptions): Promise<void> {
  const auth = await authenticationOf(step);
  const failed = (cause: unknown, words: string) =>
    new StepError(blot(`image ${step.image} was not pulled: ${words}`, auth?.password ?? null, 'password'), {
      cause,
    });
  const abortSignal = deadline(options.timeoutMs, options.signal);
  try {
    const docker = await connectDocker(options);
    const said = await pull(docker, step.image, auth, abortSignal);
    if (said !== null) throw failed(null, said);
    if (step.tag !== null) await tag(docker, step.image, step.tag, abortSignal);
  } catch (error) {
    throw error instanceof StepError ? error : failed(error, refused(error, step));
  }
}

/** Whatever the name stood for before, it stands for this image now. */
export async function tagImage(step: StepOf<'image-tag'>, options: DockerOptions): Promise<void> {
  await withDocker(`image ${step.image} was not named`, options, (docker, abortSignal) =>
    tag(docker, step.id, step.image, abortSignal),
  );
}

async function tag(docker: Docker, from: string, to: string, abortSignal: AbortSignal): Promise<void> {
  const colon = to.lastIndexOf(':');
  await docker.getImage(from).tag({ repo: to.slice(0, colon), tag: to.slice(colon + 1), abortSignal });
}

/** Read at the moment of need, and by nobody else. */
async function authenticationOf({ image, login }: StepOf<'image-pull'>): Promise<Authentication | null> {
  if (login === null) return null;
  const password = await readSecretFile(login.passwordFile, 'registry password').catch((cause: Error) => {
    throw new StepError(`image ${image} was not pulled: ${cause.message}`, { cause });
  });
  return { username: login.username, password, serveraddress: login.host };
}

/** Docker says in the stream what went wrong once it has begun to answer: the last such words, or null. */
async function pull(
  docker: Docker,
  image: string,
  auth: Authentication | null,
  abortSignal: AbortSignal,
): Promise<string | null> {
  const authconfig = auth === null ? {} : { authconfig: auth };
  const stream = await docker.pull(image, { ...authconfig, abortSignal });
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error: Error | null, events: { error?: string }[] | null) => {
      if (error !== null) return reject(error);
      resolve(events?.findLast((event) => event.error !== undefined)?.error ?? null);
    });
  });
}

/** Registries say that an image is not there to whoever may not see it. */
function refused(error: unknown, { login }: StepOf<'image-pull'>): string {
  const words = dockerSentence(error);
  if (!/unauthorized|authentication|denied|no basic auth/i.test(words)) return words;
  if (login === null)
    return `${words}; name the registry under \`registries\` in lab.yaml if it wants a password`;
  return `${words}; it was asked as ${login.username} with the password in ${login.passwordFile}`;
}
