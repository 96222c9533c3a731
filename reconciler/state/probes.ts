import type { ProbeAnswer, ProbeTarget } from '../../observers/types.ts';
import { urlOf } from '../probe-gate.ts';
import { guarded, type Store, transaction } from './store.ts';

/** What became of the last request for each route. */
export interface ProbeRecord extends ProbeAnswer {
  url: string;
  service: string;
  atMs: number;
  /** Since when it answers, or does not. */
  sinceMs: number;
}

/** The routes of one service as they answered now; those that it does not have any more are forgotten. */
export function recordProbes(
  store: Store,
  service: string,
  targets: readonly ProbeTarget[],
  answers: readonly ProbeAnswer[],
  nowMs: number,
): void {
  const before = new Map(readProbes(store).map((record) => [record.url, record]));
  transaction(store, () => {
    store.db.prepare('DELETE FROM probes WHERE service = ?').run(service);
    const doubt = store.db.prepare('INSERT INTO unproven_probes VALUES (?, ?)');
    const believe = store.db.prepare('DELETE FROM unproven_probes WHERE url = ?');
    const put = store.db.prepare('INSERT OR REPLACE INTO probes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
    for (const [index, target] of targets.entries()) {
      const answer = answers[index];
      if (answer === undefined) continue;
      const { status, latencyMs, error } = answer;
      const known = before.get(urlOf(target));
      const { endsMs, beginsMs } = certificateOf(answer, known);
      const sinceMs =
        known !== undefined && (known.error === null) === (error === null) ? known.sinceMs : nowMs;
      put.run(urlOf(target), service, nowMs, status, latencyMs, endsMs, error, sinceMs, beginsMs);
      believe.run(urlOf(target));
      if (answer.unproven !== undefined) doubt.run(urlOf(target), answer.unproven);
    }
  });
}

/** Nobody shows an expired one: its end stays known, so that it is told for as long as it is so. */
function certificateOf(answer: ProbeAnswer, known: ProbeRecord | undefined) {
  const { certificateEndsMs, certificateBeginsMs } =
    answer.certificateEndsMs === null ? (known ?? answer) : answer;
  return { endsMs: certificateEndsMs, beginsMs: certificateBeginsMs ?? null };
}

/** Only these are asked from now on. */
export function keepProbes(store: Store, urls: ReadonlySet<string>): void {
  const stale = readProbes(store).filter(({ url }) => !urls.has(url));
  if (stale.length === 0) return;
  transaction(store, () => {
    const remove = store.db.prepare('DELETE FROM probes WHERE url = ?');
    for (const { url } of stale) remove.run(url);
  });
}

export function readProbes(store: Store): ProbeRecord[] {
  const rows = guarded(store.path, () =>
    store.db.prepare('SELECT * FROM probes LEFT JOIN unproven_probes USING (url) ORDER BY url').all(),
  ) as unknown as Row[];
  return rows.map((row) => ({
    url: row.url,
    service: row.service,
    atMs: row.at_ms,
    status: row.status,
    latencyMs: row.latency_ms,
    certificateEndsMs: row.certificate_ends_ms,
    certificateBeginsMs: row.certificate_begins_ms,
    error: row.error,
    sinceMs: row.since_ms,
    ...(row.why === null ? {} : { unproven: row.why }),
  }));
}

interface Row {
  url: string;
  service: string;
  at_ms: number;
  status: number | null;
  latency_ms: number | null;
  certificate_ends_ms: number | null;
  certificate_begins_ms: number | null;
  error: string | null;
  since_ms: number;
  why: string | null;
}
