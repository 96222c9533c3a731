import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runOk } from '../../../tools/run.ts';

/** A DNS server of the test's own on the loopback, ended by its pid. */
export interface Running extends AsyncDisposable {
  folder: string;
  port: number;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** BIND with one zone, `homelab.lan`, that only the key in `dns.key` may update. */
export async function startBind(records = ''): Promise<Running & { keyFile: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bind-'));
  const port = await freePort();
  const keyFile = path.join(folder, 'dns.key');
  const key = await runOk('tsig-keygen', ['-a', 'hmac-sha256', 'steward']);
  writeFileSync(keyFile, key, { mode: 0o600 });
  writeFileSync(
    path.join(folder, 'zone'),
    `$TTL 300\n@ IN SOA ns.homelab.lan. root.homelab.lan. 1 3600 600 86400 300\n@ IN NS ns\nns IN A 127.0.0.1\n${records}`,
  );
  writeFileSync(
    path.join(folder, 'named.conf'),
    `${key}
options {
  directory "${folder}"; pid-file "${folder}/pid"; session-keyfile none; recursion no; dnssec-validation no;
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
};
controls { };
zone "homelab.lan" { type primary; file "${folder}/zone"; allow-update { key steward; }; };
`,
  );
  const child = spawn('/usr/sbin/named', ['-g', '-c', path.join(folder, 'named.conf')], { stdio: 'ignore' });
  await untilAnswers(child, port, 'ns.homelab.lan');
  return { folder, port, keyFile, [Symbol.asyncDispose]: () => ended(child) };
}

/** dnsmasq that knows nothing but this hosts file. */
export async function startDnsmasq(hosts: string, folder: string): Promise<Running & { pidFile: string }> {
  const port = await freePort();
  const pidFile = path.join(folder, 'dnsmasq.pid');
  const args = [
    ...['--keep-in-foreground', '--no-resolv', '--no-hosts', '--conf-file=/dev/null', '--user=root'],
    ...['--listen-address=127.0.0.1', '--bind-interfaces', `--port=${port}`, '--local=/lan/'],
    ...[`--addn-hosts=${hosts}`, `--pid-file=${pidFile}`, '--address=/ready.test/127.0.0.1'],
  ];
  const child = spawn('/usr/sbin/dnsmasq', args, { stdio: 'ignore' });
  await untilAnswers(child, port, 'ready.test');
  return { folder, port, pidFile, [Symbol.asyncDispose]: () => ended(child) };
}

/** Addresses of the name, as `dig` gets them. */
export async function digged(port: number, name: string, type = 'A'): Promise<string[]> {
  const out = await runOk('dig', [
    '+short',
    '+time=2',
    '+tries=1',
    '@127.0.0.1',
    '-p',
    `${port}`,
    name,
    type,
  ]);
  return out.split('\n').filter(Boolean);
}

async function untilAnswers(child: ChildProcess, port: number, name: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the DNS server ended with ${child.exitCode}`);
    const found = await digged(port, name).catch(() => []);
    if (found.length > 0) return;
    if (Date.now() > deadline) throw new Error('the DNS server does not answer');
    await delay(50);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = once(child, 'exit');
  child.kill('SIGKILL');
  await end;
}
