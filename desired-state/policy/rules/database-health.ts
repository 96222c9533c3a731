import { type BrokenAt, eachContainer } from '../containers.ts';
import type { Rule } from '../types.ts';

/** The last part of the image's name, as the makers and those who pack anew call it. */
const databases = new Set(
  'postgres postgresql postgis pgvector pgvecto-rs timescaledb mariadb mysql percona-server mongo mongodb redis valkey keydb dragonfly influxdb couchdb clickhouse-server neo4j cassandra elasticsearch opensearch'.split(
    ' ',
  ),
);

export const databaseHealth: Rule = {
  id: 'database-health',
  severity: 'warning',
  why: 'A database takes seconds to minutes until it answers: without a health check everybody else starts before it does, and nobody sees that it never did.',
  fix: 'give it a healthcheck, e.g. test: ["CMD", "pg_isready"]',
  check: (context) =>
    eachContainer(context, (service, name): BrokenAt[] => {
      const image = imageName(service.image ?? '');
      if (!databases.has(image) || hasHealthcheck(service.healthcheck)) return [];
      return [{ at: ['image'], message: `${name} is a database (${image}) without a health check` }];
    }),
};

/** What compose says itself: one that is switched off is none. */
export function hasHealthcheck(check: { disable?: boolean; test?: string[] } | undefined): boolean {
  return check !== undefined && check.disable !== true && check.test?.[0] !== 'NONE';
}

function imageName(reference: string): string {
  const last = reference.split('@', 1)[0]?.split('/').at(-1) ?? '';
  return last.split(':', 1)[0] ?? '';
}
