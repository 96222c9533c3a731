import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { dnsServer } from '../../../tools/dns/server.ts';
import type { DnsProvider, DnsServer } from '../../../tools/dns/types.ts';
import { type Api, adguardApi, piholeApi } from './web-apis.ts';

/** Servers that follow the published descriptions of AdGuard Home and Pi-hole 6; the real ones cannot be had here. */

const password = 'Kq93hf-kanary';
const folder = mkdtempSync(path.join(tmpdir(), 'dns-web-'));
const passwordFile = path.join(folder, 'password');
writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function listen(api: Api): Promise<string> {
  const server = createServer(async (request, response) => {
    const { status, body } = api.answer(request, await bodyOf(request));
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body === undefined ? '' : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? undefined : JSON.parse(text);
}

const makers = {
  adguard: { api: adguardApi, own: { provider: 'adguard', username: 'steward', passwordFile } },
  pihole: { api: piholeApi, own: { provider: 'pihole', passwordFile } },
} as const;

async function lab(kind: keyof typeof makers, over: object = {}): Promise<{ api: Api; dns: DnsServer }> {
  const { api: make, own } = makers[kind];
  const api = make({ username: 'steward', password });
  const provider = { ...own, url: await listen(api), ...over } as DnsProvider;
  return { api, dns: dnsServer(provider, { mark: '', timeoutMs: 5_000 }) };
}

const photo = { name: 'photo.lan', address: '192.168.1.100' };

describe.each(['adguard', 'pihole'] as const)('%s', (kind) => {
  it('knows a name that was put, moves it, and forgets it', async () => {
    const { api, dns } = await lab(kind);
    api.records.push({ name: 'theirs.lan', address: '10.0.0.7' });
    await dns.put(photo, null);
    expect(await dns.look(['photo.lan', 'theirs.lan', 'none.lan'])).toEqual({
      'photo.lan': { addresses: ['192.168.1.100'], mark: null },
      'theirs.lan': { addresses: ['10.0.0.7'], mark: null },
      'none.lan': { addresses: [], mark: null },
    });
    await dns.put({ ...photo, address: 'fd00::1' }, photo.address);
    expect(api.records).toEqual([
      { name: 'theirs.lan', address: '10.0.0.7' },
      { name: 'photo.lan', address: 'fd00::1' },
    ]);
    await dns.remove({ ...photo, address: 'fd00::1' });
    await dns.remove({ ...photo, address: 'fd00::1' });
    expect(api.records).toEqual([{ name: 'theirs.lan', address: '10.0.0.7' }]);
    expect(api.sessions()).toBe(0);
  });

  it('that does not take the password says so, without the password', async () => {
    const wrong = path.join(folder, `wrong-${kind}`);
    writeFileSync(wrong, 'wrong-kanary', { mode: 0o600 });
    const { dns } = await lab(kind, { passwordFile: wrong });
    const error = await dns.look(['photo.lan']).catch((caught: Error) => caught);
    expect(String(error)).toContain(`the password in ${wrong}`);
    expect(String(error)).not.toContain('kanary');
  });

  it('wants a password file that nobody else reads', async () => {
    const open = path.join(folder, `open-${kind}`);
    writeFileSync(open, password, { mode: 0o644 });
    const { dns } = await lab(kind, { passwordFile: open });
    await expect(dns.look(['photo.lan'])).rejects.toThrow(`run chmod 600 ${open}`);
  });

  it('that is something else, or is not there, is said', async () => {
    const { api, dns } = await lab(kind);
    api.speaksOtherwise = true;
    await expect(dns.look(['photo.lan'])).rejects.toThrow(
      /does not (speak as|take the password)|answers .* with/,
    );
    const { dns: nobody } = await lab(kind, { url: 'http://127.0.0.1:9' });
    await expect(nobody.look(['photo.lan'])).rejects.toThrow('http://127.0.0.1:9 does not answer');
  });
});
