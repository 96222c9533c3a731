import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { centralHub, hubLabYaml, site } from './support/hub-lab.ts';

/** A new service by one push answers by its name, which real servers know: BIND, then dnsmasq. */
let lab: Homelab;

const root = '/datapool/services/central_hub/data/caddy/pki/authorities/local/root.crt';
const bindYaml = `${hubLabYaml}dns: { provider: rfc2136, server: 127.0.0.1, zone: homelab.lan, key: { file: /etc/steward/dns.key } }\n`;
const hosts = '/etc/steward/hosts';
const pidFile = '/run/dnsmasq-lab.pid';
const dnsmasqYaml = `${hubLabYaml}dns: { provider: hosts-file, file: ${hosts}, pidFile: ${pidFile} }\n`;

const bind = `
tsig-keygen -a hmac-sha256 steward > /etc/steward/dns.key && chmod 600 /etc/steward/dns.key
mkdir -p /var/lib/bind && chown bind /var/lib/bind
printf '$TTL 300\\n@ IN SOA ns root 1 3600 600 86400 300\\n@ IN NS ns\\nns IN A 127.0.0.1\\ntheirs IN A 10.0.0.7\\n' > /var/lib/bind/homelab.lan
chown bind /var/lib/bind/homelab.lan
{ cat /etc/steward/dns.key; cat <<'END'
options { directory "/var/lib/bind"; listen-on { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; pid-file none; };
controls { };
zone "homelab.lan" { type primary; file "/var/lib/bind/homelab.lan"; allow-update { key steward; }; };
END
} > /etc/bind/named.conf
chown root:bind /etc/bind/named.conf && chmod 640 /etc/bind/named.conf
/usr/sbin/named -u bind -c /etc/bind/named.conf
until dig +short +time=1 +tries=1 @127.0.0.1 ns.homelab.lan | grep -q .; do sleep 0.2; done
echo 'nameserver 127.0.0.1' > /etc/resolv.conf`;

beforeAll(async () => {
  lab = await startHomelab();
  await lab.run(bind);
  await lab.push({ 'lab.yaml': bindYaml, ...centralHub, ...site('photo') });
  await lab.converge();
});

afterAll(() => lab?.[Symbol.asyncDispose]());

/** As a device of the home asks: the name is found by its DNS server, and the lab's own authority is trusted. */
async function answer(name: string): Promise<string> {
  return (
    await lab.run(`curl -sS --max-time 60 --cacert ${root} https://${name}.homelab.lan/ || true`)
  ).trim();
}

async function known(name: string, port = 53): Promise<string> {
  return (await lab.run(`dig +short @127.0.0.1 -p ${port} ${name}.homelab.lan`)).trim();
}

async function expectNothingToDo(): Promise<void> {
  const { plan, exitCode } = await lab.plan();
  expect([plan.changes, plan.blocked]).toEqual([[], []]);
  expect(exitCode).toBe(0);
}

describe('BIND', () => {
  test('knows the service of one push, and it answers by its name over TLS', async () => {
    expect(await known('photo')).toBe('10.0.2.15');
    expect(await answer('photo')).toBe('this is photo');
    await expectNothingToDo();
  });

  test('is told what is new, and nobody else is touched', async () => {
    await lab.push(site('git'));
    const cycle = await lab.converge();
    expect(cycle.changes.map(({ id }) => id)).toContain('dns-record:git.homelab.lan');
    expect(await answer('git')).toBe('this is git');
    expect(await known('theirs')).toBe('10.0.0.7');
  });

  test('has a record put right that a hand has changed', async () => {
    const change =
      'server 127.0.0.1\\nupdate delete git.homelab.lan. A\\nupdate add git.homelab.lan. 60 A 10.0.0.9\\nsend\\n';
    await lab.run(`printf '${change}' | nsupdate -k /etc/steward/dns.key`);
    const { plan } = await lab.plan();
    expect(plan.changes).toMatchObject([
      { id: 'dns-record:git.homelab.lan', reasons: [{ from: '10.0.0.9', to: '10.0.2.15' }] },
    ]);
    await lab.converge();
    expect(await known('git')).toBe('10.0.2.15');
  });

  test('keeps a name that somebody else has, and the service goes on all the same', async () => {
    await lab.push({ 'services/git/service.yaml': 'routes: [{ host: theirs, to: "git-web:8080" }]\n' });
    const { exitCode, cycle } = await lab.reconcile();
    expect(exitCode).toBe(1);
    expect(cycle.blocked).toMatchObject([{ id: 'dns-record:theirs.homelab.lan', state: 'conflict' }]);
    expect([await known('theirs'), await known('git')]).toEqual(['10.0.0.7', '']);
    expect((await lab.containers())['git-web']?.status).toBe('running');
  });

  test('that does not answer holds nothing else up', async () => {
    await lab.run('pkill -9 -x named');
    await lab.push({ ...site('git'), ...site('wiki', '') });
    const { exitCode, cycle } = await lab.reconcile();
    expect(exitCode).toBe(1);
    expect(new Set(cycle.blocked.map(({ id }) => id.split(':', 1)[0]))).toEqual(new Set(['dns-record']));
    expect((await lab.containers())['wiki-web']?.status).toBe('running');
    await lab.run(
      '/usr/sbin/named -u bind -c /etc/bind/named.conf; until dig +short @127.0.0.1 ns.homelab.lan | grep -q .; do sleep 0.2; done',
    );
    await lab.converge();
    expect(await known('git')).toBe('10.0.2.15');
  });

  test('forgets the name of a service that has left', async () => {
    await lab.push({ 'services/git': null, 'services/wiki': null });
    await lab.converge();
    expect([await known('git'), await known('photo')]).toEqual(['', '10.0.2.15']);
    await expectNothingToDo();
  });
});

describe('dnsmasq', () => {
  test('knows the names once lab.yaml says so', async () => {
    const options = `--no-resolv --no-hosts --conf-file=/dev/null --port=5354 --listen-address=127.0.0.1 --bind-interfaces --local=/lan/`;
    await lab.run(
      `dnsmasq ${options} --addn-hosts=${hosts} --pid-file=${pidFile} < /dev/null > /dev/null 2>&1`,
    );
    await lab.push({ 'lab.yaml': dnsmasqYaml, ...site('git') });
    await lab.converge();
    expect([await known('git', 5354), await known('photo', 5354)]).toEqual(['10.0.2.15', '10.0.2.15']);
    await expectNothingToDo();
  });

  test('and forgets them', async () => {
    await lab.push({ 'services/git': null });
    await lab.converge();
    expect([await known('git', 5354), await known('photo', 5354)]).toEqual(['', '10.0.2.15']);
  });
});
