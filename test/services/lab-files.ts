import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { parse } from 'yaml';

export interface ComposeService {
  image: string;
  container_name: string;
  restart?: string;
  user?: string;
  ports?: string[];
  networks?: string[];
  network_mode?: string;
  userns_mode?: string;
  privileged?: boolean;
  depends_on?: Record<string, { condition: string }>;
  environment?: Record<string, string>;
  volumes?: string[];
  healthcheck?: { test: string[] };
  stop_grace_period?: string;
  logging?: unknown;
}

export interface ComposeFile {
  services: Record<string, ComposeService>;
  networks: Record<string, { external?: boolean }>;
  volumes?: unknown;
}

export const labRoot = fileURLToPath(new URL('../../', import.meta.url));
export const servicesRoot = join(labRoot, 'services');
export const serviceNames = readdirSync(servicesRoot, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

export function readEnv(service: string): Record<string, string> {
  const file = join(servicesRoot, service, '.env');
  return existsSync(file) ? (parseEnv(readFileSync(file, 'utf8')) as Record<string, string>) : {};
}

/** The compose file with the variables of its .env filled in; `$$` and `${NAME:-}` as compose reads them. */
export function readCompose(service: string): ComposeFile {
  const env = readEnv(service);
  const text = readFileSync(join(servicesRoot, service, 'docker-compose.yml'), 'utf8');
  const filled = text.replace(/\$\$|\$\{(\w+)(:-)?\}/g, (match, name: string | undefined, fallback) => {
    if (name === undefined) return '$';
    const value = env[name] ?? (fallback ? '' : undefined);
    if (value === undefined) throw new Error(`${service}: nobody sets ${match}`);
    return value;
  });
  return parse(filled) as ComposeFile;
}

export interface Mount {
  source: string;
  target: string;
  readOnly: boolean;
}

export function mounts(service: ComposeService): Mount[] {
  return (service.volumes ?? []).map((volume) => {
    const [source = '', target = '', options = ''] = volume.split(':');
    return { source, target, readOnly: options.split(',').includes('ro') };
  });
}
