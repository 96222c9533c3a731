import type { IncomingMessage } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import type { TLSSocket } from 'node:tls';

/** Asks the hub for a route as a browser would, wherever its name points to. */

export interface ProbeTarget {
  host: string;
  /** `/`, or the path that the route is for. */
  path: string;
  /** What is asked for in the place of that. */
  asked?: string;
  /** Status codes that are an answer; by default all that are not the hub's own. */
  expect?: number[];
  /** Who issues its certificate; `off`: it has none. */
  tls: 'internal' | 'acme' | 'off';
  /** The hub itself lets nobody through without one, at some of its paths at least. */
  asksPassword?: true;
}

export interface ProbeAnswer {
  /** Null where nobody answered. */
  status: number | null;
  /** From the first packet to the first line of the answer. */
  latencyMs: number | null;
  /** End of the certificate, in milliseconds since the epoch. */
  certificateEndsMs: number | null;
  /** Its begin, likewise: how soon the end is depends on how long it lasts. */
  certificateBeginsMs?: number | null;
  /** One sentence why the route does not do what it is for; null where it does. */
  error: string | null;
  /** One sentence why it is not known whether the service answers, where nothing speaks against it. */
  unproven?: string;
}

export interface ProbeOptions {
  address: string;
  port: number;
  /** PEM of the root that an internal certificate must come from; others: those of this system. */
  root: string | null;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** What Caddy answers with where it does not reach what is behind it. */
const notReached = [502, 503, 504];

/** Any answer of the service is one, also a refusal. Never throws. */
export async function probe(target: ProbeTarget, options: ProbeOptions): Promise<ProbeAnswer> {
  const beganMs = performance.now();
  try {
    const { status, ...certificate } = await ask(target, options);
    const latencyMs = Math.round(performance.now() - beganMs);
    return { status, latencyMs, ...certificate, ...verdictOf(status, target) };
  } catch (error) {
    return { status: null, latencyMs: null, certificateEndsMs: null, error: sentence(error, options) };
  }
}

/** Without a password, the hub's own refusal comes before anything of the service. */
export function verdictOf(status: number, target: ProbeTarget): Pick<ProbeAnswer, 'error' | 'unproven'> {
  const error = flawOf(status, target);
  const isOfHub = status === 401 && target.asksPassword === true && error === null;
  return { error, ...(isOfHub ? { unproven } : {}) };
}

const unproven = 'the hub asks for a password first: whether the service answers is not known';

function flawOf(status: number, { expect }: ProbeTarget): string | null {
  if (expect?.includes(status) === true) return null;
  if (notReached.includes(status)) return `the hub answers ${status}: it does not reach the service`;
  return expect === undefined ? null : `it answers ${status}, and ${expect.join(' or ')} is expected`;
}

function ask(
  { host, path, asked: pathAsked = path, tls }: ProbeTarget,
  { address, port, root, timeoutMs, signal }: ProbeOptions,
): Promise<Certificate & { status: number }> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const shared = {
    ...{ host: address, port, path: pathAsked, method: 'GET', agent: false },
    headers: { Host: host, 'User-Agent': 'steward-probe', Connection: 'close' },
    signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
  };
  const trust = tls === 'internal' && root !== null ? { ca: root } : {};
  return new Promise((resolve, reject) => {
    const take = (answer: IncomingMessage) => {
      const certificate = tls === 'off' ? noCertificate : certificateOf(answer.socket as TLSSocket);
      // What it is made of does not matter, and may be without end.
      answer.destroy();
      resolve({ status: answer.statusCode ?? 0, ...certificate });
    };
    const asked =
      tls === 'off'
        ? http.request(shared, take)
        : https.request({ ...shared, ...trust, servername: host }, take);
    asked.on('error', reject);
    asked.end();
  });
}

type Certificate = Required<Pick<ProbeAnswer, 'certificateEndsMs' | 'certificateBeginsMs'>>;

const noCertificate: Certificate = { certificateEndsMs: null, certificateBeginsMs: null };

function certificateOf(socket: TLSSocket): Certificate {
  const { valid_from, valid_to } = socket.getPeerCertificate();
  const [beginsMs, endsMs] = [Date.parse(valid_from), Date.parse(valid_to)];
  if (Number.isNaN(beginsMs) || Number.isNaN(endsMs)) return noCertificate;
  return { certificateBeginsMs: beginsMs, certificateEndsMs: endsMs };
}

function sentence(error: unknown, { address, port }: ProbeOptions): string {
  const { code, name, message } = error as NodeJS.ErrnoException;
  const at = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  if (name === 'AbortError' || name === 'TimeoutError') return `no answer from the hub at ${at} in time`;
  if (code === 'ECONNREFUSED') return `nobody listens at ${at}, where the hub should`;
  if (code === 'ECONNRESET') return `the hub at ${at} ended the connection without an answer`;
  // Depending on the moment, Node tells an alert by a code of its own or as a failed write.
  if (/ALERT.INTERNAL.ERROR/i.test(`${code} ${message}`))
    return 'the hub has no certificate for this name yet';
  if (code === 'EPROTO' || code?.startsWith('ERR_SSL_') === true)
    return `the hub at ${at} does not speak TLS for this name (${code})`;
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired';
  if (/CERT|SIGNATURE|ISSUER/.test(code ?? '')) return `its certificate is not trusted: ${message}`;
  return `it was not reached at ${at}: ${message}`;
}
