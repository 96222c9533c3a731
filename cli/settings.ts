import { existsSync, readFileSync } from 'node:fs';
import { homedir, hostname, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { defaultIdentity } from '../tools/secrets/identity.ts';
import { UserError } from './errors.ts';

/** The few things that cannot be in Git because they say where Git is: /etc/steward/steward.yaml, and flags over it. */

const longestIntervalSeconds = 86_400;
const bootstrapFile = '/etc/steward/steward.yaml';

const credentials = z.strictObject({
  sshKey: z.string().optional(),
  knownHosts: z.string().optional(),
  username: z.string().optional(),
  tokenFile: z.string().optional(),
  caFile: z.string().optional(),
});

const verify = z.strictObject({
  /** Files with the keys whose commits are applied: as in ALLOWED SIGNERS of ssh-keygen(1), or armored GPG keys. */
  allowedSigners: z.union([z.string(), z.array(z.string()).min(1)]),
});

export const bootstrap = z.strictObject({
  repository: z.string().optional(),
  branch: z.string().optional(),
  tag: z.string().optional(),
  path: z.string().optional(),
  credentials: credentials.optional(),
  verify: verify.optional(),
  /** This machine's name; not acted on yet. */
  name: z.string().optional(),
  stateDir: z.string().optional(),
  environmentDir: z.string().optional(),
  secrets: z.strictObject({ identity: z.string().optional() }).optional(),
  listen: z
    .string()
    .regex(/^[^\s]+:\d+$/, 'expected address:port such as 127.0.0.1:9464')
    .optional(),
  intervalSeconds: z.number().int().min(1).max(longestIntervalSeconds).optional(),
});

export interface Flags {
  config?: string;
  repo?: string;
  branch?: string;
  tag?: string;
  path?: string;
  stateDir?: string;
  host?: string;
  listen?: string;
  interval?: string;
}

export interface Settings {
  repository: string | null;
  branch: string | null;
  tag: string | null;
  path: string | null;
  credentials: z.infer<typeof credentials>;
  /** Null: a commit needs no signature. */
  allowedSigners: string[] | null;
  name: string;
  stateDir: string;
  environmentDir: string;
  /** Private key that opens encrypted environment files. */
  identity: string;
  host: 'local' | 'simulator';
  listen: { address: string; port: number };
  intervalMs: number;
}

/** Throws UserError that names the file or the flag. */
export function readSettings(flags: Flags): Settings {
  const file = readBootstrap(flags.config);
  const host = flags.host ?? 'local';
  if (host !== 'local' && host !== 'simulator') {
    throw new UserError(`--host ${host}: it is either local or simulator`);
  }
  return {
    repository: flags.repo ?? file.repository ?? null,
    ...followed(flags.branch === undefined && flags.tag === undefined ? file : flags),
    path: flags.path ?? file.path ?? null,
    credentials: file.credentials ?? {},
    allowedSigners: file.verify === undefined ? null : [file.verify.allowedSigners].flat(),
    name: file.name ?? hostname(),
    stateDir: resolve(flags.stateDir ?? file.stateDir ?? defaultStateDir(host)),
    environmentDir: file.environmentDir ?? '/etc/steward/env',
    identity: identityIn(file),
    host,
    listen: toAddress(flags.listen ?? file.listen ?? '127.0.0.1:9464'),
    intervalMs: toInterval(flags.interval) ?? (file.intervalSeconds ?? 60) * 1000,
  };
}

type Followed = { branch?: string | undefined; tag?: string | undefined };

/** A flag that names one of the two goes before the other one of the file as well. */
function followed({ branch, tag }: Followed): Pick<Settings, 'branch' | 'tag'> {
  return { branch: branch ?? null, tag: tag ?? null };
}

/** The private key alone: it is wanted for a checkout too, where no state folder is. Throws as `readSettings`. */
export function readIdentity({ config }: Pick<Flags, 'config'>): string {
  return identityIn(readBootstrap(config));
}

function identityIn({ secrets }: z.infer<typeof bootstrap>): string {
  return resolve(secrets?.identity ?? defaultIdentity);
}

function readBootstrap(named: string | undefined): z.infer<typeof bootstrap> {
  const path = named ?? bootstrapFile;
  if (named === undefined && !existsSync(path)) return {};
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8')) ?? {};
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message}`);
  }
  const result = bootstrap.safeParse(content);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `  ${issue.path.join('.') || '(top)'}: ${issue.message}`);
  throw new UserError(`${path} is not right:\n${lines.join('\n')}`);
}

const systemStateDir = '/var/lib/steward';

/** An empty one of the user's own would say of this host that there is no service, no backup and no snapshot. */
function defaultStateDir(host: Settings['host']): string {
  if (userInfo().uid === 0) return systemStateDir;
  if (host === 'local' && existsSync(systemStateDir))
    throw new UserError(
      `the state of this host is in ${systemStateDir}, and root's: run it with sudo; --state-dir DIR is for one of your own`,
    );
  return join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local/state'), 'steward');
}

function toAddress(text: string): { address: string; port: number } {
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  const isPort = colon > 0 && Number.isInteger(port) && port >= 0 && port <= 65_535;
  if (!isPort) throw new UserError(`--listen ${text}: expected address:port such as 127.0.0.1:9464`);
  return { address: text.slice(0, colon), port };
}

function toInterval(text: string | undefined): number | null {
  if (text === undefined) return null;
  const match = /^(\d+)(ms|s|m)?$/.exec(text);
  const unit = { ms: 1, s: 1000, m: 60_000 }[match?.[2] ?? 's'] ?? 1000;
  const intervalMs = Number(match?.[1]) * unit;
  if (intervalMs >= 1000 && intervalMs <= longestIntervalSeconds * 1000) return intervalMs;
  throw new UserError(`--interval ${text}: expected 1s to ${longestIntervalSeconds}s, such as 60s or 5m`);
}
