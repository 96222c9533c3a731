import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rfc2136 } from '../../../tools/dns/rfc2136.ts';
import { digged, startBind } from './servers.ts';

let bind: Awaited<ReturnType<typeof startBind>>;

beforeAll(async () => {
  bind = await startBind('theirs IN A 10.0.0.7\nalias IN CNAME theirs\n');
});

afterAll(() => bind?.[Symbol.asyncDispose]());

const mark = 'steward lab=homelab';

function server(over: { keyFile?: string | null; zone?: string; port?: number; mark?: string } = {}) {
  const { mark: own = mark, ...rest } = over;
  const base = { provider: 'rfc2136', server: '127.0.0.1', zone: 'homelab.lan', ttl: 60 } as const;
  return rfc2136(
    { ...base, port: bind.port, keyFile: bind.keyFile, ...rest },
    { mark: own, timeoutMs: 4_000 },
  );
}

const name = (host: string) => `${host}.homelab.lan`;
const put = (host: string, address: string, replaces: string | null = null) =>
  server().put({ name: name(host), address }, replaces);

describe('BIND', () => {
  it('knows a name that was put, of either family, and whose it is', async () => {
    await put('photo', '192.168.1.100');
    await put('six', 'fd00::100');
    await put('*.apps', '192.168.1.100');
    expect(await digged(bind.port, name('photo'))).toEqual(['192.168.1.100']);
    expect(await digged(bind.port, name('six'), 'AAAA')).toEqual(['fd00::100']);
    expect(await digged(bind.port, name('any.apps'))).toEqual(['192.168.1.100']);
    expect(await server().look(['photo', 'six', '*.apps', 'nobody', 'theirs'].map(name))).toEqual({
      [name('photo')]: { addresses: ['192.168.1.100'], mark },
      [name('six')]: { addresses: ['fd00::100'], mark },
      [name('*.apps')]: { addresses: ['192.168.1.100'], mark },
      [name('nobody')]: { addresses: [], mark: null },
      [name('theirs')]: { addresses: ['10.0.0.7'], mark: null },
    });
  });

  it('replaces what it is known to have, in one go, also by the other family', async () => {
    await put('moved', '192.168.1.100');
    await put('moved', '192.168.1.101', '192.168.1.100');
    expect(await digged(bind.port, name('moved'))).toEqual(['192.168.1.101']);
    await put('moved', 'fd00::1', '192.168.1.101');
    expect(await digged(bind.port, name('moved'))).toEqual([]);
    expect(await digged(bind.port, name('moved'), 'AAAA')).toEqual(['fd00::1']);
  });

  it.each(['theirs', 'alias'])('keeps what somebody else has made (%s), whoever is quicker', async (host) => {
    await expect(put(host, '192.168.1.100')).rejects.toThrow('has got a record of somebody else meanwhile');
    expect(await digged(bind.port, name('theirs'))).toEqual(['10.0.0.7']);
  });

  it('keeps what has changed since it was looked at', async () => {
    await put('quick', '10.0.0.8');
    await expect(put('quick', '192.168.1.100', '10.0.0.9')).rejects.toThrow('is not the one it was any more');
    expect(await digged(bind.port, name('quick'))).toEqual(['10.0.0.8']);
  });

  it('forgets only what bears the mark', async () => {
    await put('short', '192.168.1.100');
    const other = server({ mark: 'steward lab=another' });
    await expect(other.remove({ name: name('short'), address: '192.168.1.100' })).rejects.toThrow();
    await server().remove({ name: name('short'), address: '192.168.1.100' });
    expect((await server().look([name('short')]))[name('short')]).toEqual({ addresses: [], mark: null });
    const theirs = server().remove({ name: name('theirs'), address: '10.0.0.7' });
    await expect(theirs).rejects.toThrow();
    expect(await digged(bind.port, name('theirs'))).toEqual(['10.0.0.7']);
  });

  it('takes a new mark beside the same address, and forgets by that one', async () => {
    const record = { name: name('renamed'), address: '192.168.1.100' };
    await put('renamed', record.address);
    const renamed = server({ mark: 'steward lab=new' });
    await renamed.put(record, record.address);
    expect(await server().look([record.name])).toEqual({
      [record.name]: { addresses: [record.address], mark: 'steward lab=new' },
    });
    await expect(server().remove(record)).rejects.toThrow();
    await renamed.remove(record);
    expect(await digged(bind.port, record.name)).toEqual([]);
  });

  it('refuses without the key, and outside of its zone, with a sentence', async () => {
    const record = { name: name('new'), address: '192.168.1.100' };
    await expect(server({ keyFile: null }).put(record, null)).rejects.toThrow(
      'the DNS server 127.0.0.1 refuses to be updated by this host, or with this key',
    );
    await expect(
      server({ zone: 'example.org' }).put({ ...record, name: 'new.example.org' }, null),
    ).rejects.toThrow('does not take updates for new.example.org');
  });

  it('that does not run is said', async () => {
    await expect(server({ port: 9 }).look([name('photo')])).rejects.toThrow(
      'the DNS server 127.0.0.1 does not answer',
    );
  });
});
