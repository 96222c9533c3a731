import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { header, hostsFile } from '../../../tools/dns/hosts-file.ts';
import { digged, startDnsmasq } from './servers.ts';

function lab(content?: string) {
  const folder = mkdtempSync(path.join(tmpdir(), 'hosts-'));
  const file = path.join(folder, 'hosts');
  if (content !== undefined) writeFileSync(file, content);
  return { folder, file, text: () => readFileSync(file, 'utf8') };
}

const mark = 'steward lab=homelab';
const server = (file: string, pidFile: string | null = null) =>
  hostsFile({ provider: 'hosts-file', file, pidFile }, { mark });
const photo = { name: 'photo.homelab.lan', address: '192.168.1.100' };
const git = { name: 'git.homelab.lan', address: '192.168.1.100' };

it('dnsmasq knows a name as soon as it is written, and forgets it as soon as it is gone', async () => {
  const { folder, file } = lab(header);
  await using dnsmasq = await startDnsmasq(file, folder);
  const dns = server(file, dnsmasq.pidFile);
  const answers = (expected: string[]) =>
    vi.waitFor(async () => expect(await digged(dnsmasq.port, photo.name)).toEqual(expected), 10_000);
  await answers([]);
  await dns.put(photo, null);
  await answers(['192.168.1.100']);
  await dns.put({ ...photo, address: '192.168.1.101' }, photo.address);
  await answers(['192.168.1.101']);
  await dns.remove({ ...photo, address: '192.168.1.101' });
  await answers([]);
});

it('loses none of many that come at once, and a server may read it at any time', async () => {
  const { file, text } = lab();
  const names = Array.from({ length: 40 }, (_, index) => ({ ...photo, name: `n${10 + index}.lan` }));
  await Promise.all(names.map((record) => server(file).put(record, null)));
  expect(text()).toBe(header + names.map(({ name, address }) => `${address} ${name}\n`).join(''));
  expect(statSync(file).mode & 0o777).toBe(0o644);
});

it('says what it finds, also what a hand has added', async () => {
  const { file, text } = lab(`${header}10.0.0.7 photo.homelab.lan other # by hand\n`);
  expect(await server(file).look([photo.name, 'none.lan'])).toEqual({
    [photo.name]: { addresses: ['10.0.0.7'], mark },
    'none.lan': { addresses: [], mark: null },
  });
  await server(file).put(git, null);
  expect(text()).toContain('10.0.0.7 photo.homelab.lan\n');
});

it('never touches a file of somebody else', async () => {
  const { file, text } = lab('127.0.0.1 localhost\n');
  const words = 'was not written by Steward, so it is left alone';
  await expect(server(file).look([photo.name])).rejects.toThrow(words);
  await expect(server(file).put(photo, null)).rejects.toThrow(words);
  expect(text()).toBe('127.0.0.1 localhost\n');
});

it('knows what the DNS server was not told of, as after a kill between the two', async () => {
  const { folder, file } = lab();
  const pidFile = path.join(folder, 'pid');
  await server(file, pidFile).put(photo, null);
  const [told] = Object.values(await server(file, pidFile).look([photo.name]));
  expect(told).toEqual({ addresses: [photo.address], mark });
  writeFileSync(file, `${header}${git.address} ${git.name}\n`);
  const look = async () => Object.values(await server(file, pidFile).look([git.name]))[0];
  expect(await look()).toEqual({ addresses: [git.address], mark, untold: true });
  await server(file, pidFile).put(git, git.address);
  expect(await look()).toEqual({ addresses: [git.address], mark });
});

it('sends no signal to a process that only has the number of the server', async () => {
  const { folder, file } = lab();
  const pidFile = path.join(folder, 'pid');
  writeFileSync(pidFile, `${process.pid}\n`);
  const before = process.listenerCount('SIGHUP');
  let hung = 0;
  const count = () => {
    hung += 1;
  };
  process.on('SIGHUP', count);
  await server(file, pidFile).put(photo, null);
  process.off('SIGHUP', count);
  expect([hung, process.listenerCount('SIGHUP')]).toEqual([0, before]);
});

it('says where it may not write', async () => {
  const { folder } = lab();
  await expect(server(path.join(folder, 'none', 'hosts')).put(photo, null)).rejects.toThrow(
    `the folder ${folder}/none is not there; make it`,
  );
  await expect(server('/proc/hosts').put(photo, null)).rejects.toThrow(/^\/proc\/hosts could not be written/);
});

describe('in a folder that a container may write to', () => {
  /** As Steward runs: root, in a folder of another. */
  function planted() {
    const { folder } = lab();
    const victim = path.join(folder, 'victim');
    writeFileSync(victim, 'root:secret\n', { mode: 0o600 });
    const data = path.join(folder, 'data');
    mkdirSync(data);
    chmodSync(data, 0o777);
    return { folder, data, victim, file: path.join(data, 'hosts') };
  }

  it('follows no link that lies in the place of what is written first', async () => {
    const { data, victim, file } = planted();
    for (const name of ['.hosts.partial', 'hosts.new']) symlinkSync(victim, path.join(data, name));
    await server(file).put(photo, null);
    expect(readFileSync(victim, 'utf8')).toBe('root:secret\n');
    expect(lstatSync(file).isFile()).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe(`${header}${photo.address} ${photo.name}\n`);
  });

  it('neither reads nor writes a file that is a link, also to one of its own', async () => {
    const { folder, file } = planted();
    const own = path.join(folder, 'own');
    writeFileSync(own, header);
    symlinkSync(own, file);
    const words = `${file} is a link`;
    await expect(server(file).look([photo.name])).rejects.toThrow(words);
    await expect(server(file).put(photo, null)).rejects.toThrow(words);
    expect(readFileSync(own, 'utf8')).toBe(header);
  });

  it('does not wait for what is no file', async () => {
    const { file } = planted();
    execFileSync('mkfifo', [file]);
    await expect(server(file).look([photo.name])).rejects.toThrow(`${file} is not a file`);
  });

  it('writes nothing behind a folder that is a link, and names where it leads', async () => {
    const { folder, data, file } = planted();
    const elsewhere = path.join(folder, 'elsewhere');
    renameSync(data, elsewhere);
    symlinkSync(elsewhere, data);
    const words = `${data} is a link; name the folder that it leads to (${realpathSync(elsewhere)})`;
    await expect(server(file).put(photo, null)).rejects.toThrow(words);
  });

  it('writes nothing below a folder in which others may put a link at any time', async () => {
    const { data } = planted();
    const below = path.join(data, 'below');
    mkdirSync(below);
    const put = () => server(path.join(below, 'hosts')).put(photo, null);
    await expect(put()).rejects.toThrow(`${data} can be written to by others`);
    chmodSync(data, 0o755);
    chownSync(data, 100_000, 100_000);
    await expect(put()).rejects.toThrow(`${data} can be written to by others`);
    chownSync(data, 0, 0);
    await put();
    expect(lstatSync(path.join(below, 'hosts')).isFile()).toBe(true);
  });
});
