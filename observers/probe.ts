import pLimit from 'p-limit';
import { caddySentence, rootCertificate } from '../tools/caddy/admin.ts';
import { type ProbeOptions, probe } from '../tools/caddy/probe.ts';
import { connectDocker, type DockerConnection, deadline, dockerSentence } from '../tools/docker.ts';
import type { ProbeAnswer, ProbeRequest, ProbeTarget } from './types.ts';

interface Options extends DockerConnection {
  /** For each request. Default 10 s. */
  timeoutMs?: number | undefined;
}

/** Requests at the same time: handshakes keep a processor busy, and others want the hub too. */
const atOnce = 8;

/** Every route through the hub, by the port that people's devices come to. Never throws. */
export async function probeRoutes(request: ProbeRequest, options: Options): Promise<ProbeAnswer[]> {
  const { targets, signal } = request;
  const { timeoutMs = 10_000 } = options;
  if (targets.length === 0) return [];
  try {
    const hub = await placeOf(request, options);
    const root = await rootOf(request, timeoutMs);
    const limit = pLimit(atOnce);
    const one = (target: ProbeTarget) =>
      limit(() => {
        const where = target.tls === 'off' ? hub.http : hub.https;
        const asked: ProbeOptions = { ...where, root: root.pem, timeoutMs, signal };
        return target.tls === 'internal' && root.pem === null ? failed(root.error) : probe(target, asked);
      });
    return await Promise.all(targets.map(one));
  } catch (error) {
    return targets.map(() => failed(`the hub could not be looked at: ${dockerSentence(error)}`));
  }
}

function failed(error: string): ProbeAnswer {
  return { status: null, latencyMs: null, certificateEndsMs: null, error };
}

async function rootOf({ socket, targets, signal }: ProbeRequest, timeoutMs: number) {
  if (!targets.some(({ tls }) => tls === 'internal')) return { pem: null, error: '' };
  try {
    return { pem: await rootCertificate({ socket, timeoutMs, signal }), error: '' };
  } catch (error) {
    return { pem: null, error: `its internal CA is not known: ${caddySentence(error)}` };
  }
}

interface Place {
  address: string;
  port: number;
}

/** The host's own ports 443 and 80 where the hub has them; else what it publishes, else the container itself. */
async function placeOf(
  { container, signal }: ProbeRequest,
  options: Options,
): Promise<{ https: Place; http: Place }> {
  const docker = await connectDocker(options);
  const abortSignal = deadline(options.timeoutMs ?? 10_000, signal);
  const { NetworkSettings: net } = await docker.getContainer(container).inspect({ abortSignal });
  const published = Object.entries(net.Ports ?? {}).flatMap(([inside, bindings]) =>
    (bindings ?? []).map(({ HostIp, HostPort }) => ({
      inside,
      address: reachable(HostIp),
      port: Number(HostPort),
    })),
  );
  const inside = Object.values(net.Networks ?? {}).find(({ IPAddress }) => IPAddress !== '')?.IPAddress;
  const place = (port: number): Place =>
    published.find((each) => each.port === port) ??
    published.find((each) => each.inside === `${port}/tcp`) ?? { address: inside ?? '127.0.0.1', port };
  return { https: place(443), http: place(80) };
}

function reachable(address: string): string {
  if (address === '' || address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}
