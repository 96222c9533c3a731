import { isIP } from 'node:net';
import path from 'node:path';
import { Complaint, type Model } from './model.ts';

const propagations = ['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave'];

/** `source:target:options` (compose-go's format/volume.go). Throws Complaint. */
export function parseVolume(spec: string): Model {
  if (spec === '') throw new Complaint('invalid empty volume spec');
  if (spec.length <= 2) return { type: 'volume', target: spec };
  const parts = sections(spec);
  if (parts.some((part) => part === '')) {
    throw new Complaint(`invalid spec: ${spec}: empty section between colons`);
  }
  if (parts.length > 3) throw new Complaint(`invalid spec: ${spec}: too many colons`);
  const [first = '', second, options = ''] = parts;
  const volume: Model = second === undefined ? { target: first } : { source: first, target: second };
  applyOptions(volume, options);
  if (second !== undefined && isFilePath(first)) {
    const bind = (volume.bind ?? {}) as Model;
    return { ...volume, type: 'bind', bind: { ...bind, create_host_path: true } };
  }
  return { ...volume, type: 'volume', volume: volume.volume ?? {} };
}

/** A colon after a single letter belongs to a Windows drive, everywhere in the text. */
function sections(spec: string): string[] {
  const parts: string[] = [];
  let buffer = '';
  for (const char of spec) {
    if (char === ':' && !/^\p{L}$/u.test(buffer)) {
      parts.push(buffer);
      buffer = '';
    } else buffer += char;
  }
  return [...parts, buffer];
}

function applyOptions(volume: Model, options: string): void {
  for (const option of options.split(',')) {
    const bind = (volume.bind ?? {}) as Model;
    if (option === 'ro') volume.read_only = true;
    else if (option === 'rw') volume.read_only = false;
    else if (option === 'nocopy') volume.volume = { nocopy: true };
    else if (propagations.includes(option)) volume.bind = { ...bind, propagation: option };
    else if (option === 'z' || option === 'Z') volume.bind = { ...bind, selinux: option };
  }
}

function isFilePath(source: string): boolean {
  return /^[./~]/.test(source) || source.startsWith('\\\\') || /^\p{L}:/u.test(source);
}

export function cleanPath(target: string): string {
  const clean = path.posix.normalize(target);
  return clean.length > 1 ? clean.replace(/\/$/, '') : clean;
}

/** `ip:published:target/protocol`, with ranges: one entry for each target (go-connections' nat). */
export function parsePorts(spec: string): Model[] {
  const [raw = '', ...protocols] = spec.split('/');
  const protocol = (protocols[0] ?? '') === '' ? 'tcp' : (protocols[0] ?? '').toLowerCase();
  const parts = raw.split(':');
  const target = parts.at(-1) ?? '';
  const published = parts.at(-2) ?? '';
  const address = hostAddress(parts.slice(0, -2).join(':'));
  if (target === '') throw new Complaint(`No port specified: ${spec}<empty>`);
  const targets = range(target, 'containerPort');
  const host = published === '' ? null : range(published, 'hostPort');
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw new Complaint(`Invalid proto: ${protocol}`);
  if (host && host.length !== targets.length && targets.length !== 1) {
    throw new Complaint(`Invalid ranges specified for container and host Ports: ${target} and ${published}`);
  }
  const ports = targets.map(
    (port, index): Model => ({
      mode: 'ingress',
      target: port,
      protocol,
      ...(address === '' ? {} : { host_ip: address }),
      ...(host ? { published: publishedAs(host, index, targets.length) } : {}),
    }),
  );
  return ports.sort((a, b) => (`${a.target}/${protocol}` < `${b.target}/${protocol}` ? -1 : 1));
}

function publishedAs(host: number[], index: number, targets: number): string {
  return targets === 1 && host.length > 1 ? `${host[0]}-${host.at(-1)}` : String(host[index]);
}

function hostAddress(text: string): string {
  const address = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  if (address !== '' && isIP(address) === 0) throw new Complaint(`Invalid ip address: ${address}`);
  return address;
}

function range(text: string, what: string): number[] {
  const [start = '', end = start] = text.split('-', 2);
  const valid = [start, end].every((port) => /^\d+$/.test(port) && Number(port) <= 65_535);
  const [from, to] = [Number(start), Number(end)];
  if (!valid || from > to) throw new Complaint(`Invalid ${what}: ${text}`);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** `source:target:permissions`. */
export function parseDevice(spec: string): Model {
  const [source = '', target = '', permissions = 'rwm', ...more] = spec.split(':');
  if (more.length > 0) {
    throw new Complaint(`confusing device mapping, please use long syntax: ${spec}`);
  }
  return { source, target: target === '' ? source : target, permissions };
}
