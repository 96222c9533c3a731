import type { Step } from '../types.ts';

import { backupArgv } from './backup-argv.ts';
import { composeDownArgv, stackArgv } from './compose-argv.ts';

/**
 * The commands of each step, as argv. Where a tool is called, it is called with exactly these; directories, networks
 * and single containers are handled through system calls and Docker's API, and shown as what a person would type.
 */
export function argvOf(step: Step): string[][] {
  switch (step.op) {
    case 'group-create':
      return [['groupadd', '--gid', String(step.gid), step.group]];
    case 'zfs-create':
      return [
        ['zfs', 'create', ...assignments(step.properties).flatMap((pair) => ['-o', pair]), step.dataset],
      ];
    case 'zfs-set':
      return [['zfs', 'set', `${step.property}=${step.value}`, step.dataset]];
    case 'zfs-inherit':
      return [['zfs', 'inherit', step.property, step.dataset]];
    case 'zfs-mount':
      return [['zfs', 'mount', step.dataset]];
    case 'directory-create':
      return [['install', '-d', '-o', `${step.uid}`, '-g', `${step.gid}`, '-m', step.mode, step.path]];
    case 'directory-owner':
      return [['chown', ...(step.recursive ? ['-hR'] : ['-h']), `${step.uid}:${step.gid}`, step.path]];
    case 'directory-mode':
      return [['chmod', step.mode, step.path]];
    case 'network-create':
      return [networkCreateArgv(step.network, step.subnet, step.labels)];
    case 'caddy-load':
      return [['curl', '--unix-socket', step.socket, '-H', 'Host;', ...caddyFile, 'http://caddy/load']];
    case 'dns-put':
    case 'dns-remove':
      return [dnsArgv(step)];
    case 'network-connect':
      return [['docker', 'network', 'connect', step.network, step.container]];
    case 'network-disconnect':
      return [['docker', 'network', 'disconnect', step.network, step.container]];
    case 'network-remove':
      return [['docker', 'network', 'rm', step.network]];
    case 'image-pull':
      return [
        ['docker', 'pull', step.image],
        ...(step.tag === null ? [] : [['docker', 'tag', step.image, step.tag]]),
      ];
    case 'image-tag':
      return [['docker', 'tag', step.id, step.image]];
    case 'compose-up':
    case 'compose-restart':
      return [stackArgv(step)];
    case 'compose-down':
      return [composeDownArgv(step.project)];
    case 'container-remove':
      return [
        ['docker', 'stop', step.name],
        ['docker', 'rm', step.name],
      ];
    default:
      return backupArgv(step);
  }
}

/** Steward sends it out of its hand: this is what it comes to. */
const caddyFile = ['-H', 'Content-Type: text/caddyfile', '--data-binary', '@Caddyfile'];

export function assignments(properties: Record<string, string>): string[] {
  return Object.entries(properties).map(([property, value]) => `${property}=${value}`);
}

function networkCreateArgv(network: string, subnet: string, labels: Record<string, string>): string[] {
  const marks = assignments(labels).flatMap((pair) => ['--label', pair]);
  return ['docker', 'network', 'create', '--subnet', subnet, ...marks, network];
}

/** As a person would do it; what goes to its standard input, and what the web interfaces are sent, is not shown. */
function dnsArgv({ op, provider, name, address }: Extract<Step, { op: 'dns-put' | 'dns-remove' }>): string[] {
  const does = op === 'dns-put' ? 'add' : 'delete';
  switch (provider.provider) {
    case 'rfc2136':
      return [
        'nsupdate',
        ...(provider.keyFile === null ? [] : ['-k', provider.keyFile]),
        does,
        name,
        address,
      ];
    case 'hosts-file':
      return [does === 'add' ? 'write' : 'remove', `${address} ${name}`, provider.file];
    case 'adguard':
      return [
        'curl',
        '-u',
        provider.username,
        `${provider.url}/control/rewrite/${does}`,
        '-d',
        name,
        address,
      ];
    case 'pihole':
      return ['curl', `${provider.url}/api/config/dns/hosts`, does, `${address} ${name}`];
  }
}
