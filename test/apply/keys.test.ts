import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { exportKey } from '../../reconciler/apply/key-export.ts';
import { privateFolder } from '../../reconciler/apply/private-file.ts';
import { digest } from '../../tools/digest.ts';
import { reference } from './backup-fixtures.ts';

/** Real borg on local folders (1.2 or 1.4, package borgbackup). */

let lab: ReturnType<typeof labOf>;

function labOf(encryption = 'repokey-blake2') {
  const folder = mkdtempSync(path.join(tmpdir(), 'keys-'));
  const at = (name: string) => path.join(folder, name);
  writeFileSync(at('words'), 'correct horse\n', { mode: 0o600 });
  const passphraseFile = encryption === 'none' ? null : at('words');
  const repository = { ...reference, location: at('photo'), encryption, passphraseFile };
  const options = { stateDir: at('state'), runDir: at('run'), lockWaitSeconds: 5 };
  const borg = (args: string[], env: Record<string, string> = {}, input = '') =>
    execFileSync('borg', args, {
      input,
      encoding: 'utf8',
      env: {
        ...process.env,
        BORG_BASE_DIR: at('state/borg'),
        BORG_PASSPHRASE: 'correct horse',
        BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
        ...env,
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  borg(['init', '-e', encryption, at('photo')]);
  borg(['create', `${at('photo')}::one`, at('words')]);
  const to = at('keys');
  const run = async () => {
    await privateFolder(to);
    return await exportKey(repository, undefined, to, options);
  };
  const listing = () => readdirSync(to).sort();
  const read = (file: string) => readFileSync(path.join(to, file), 'utf8');
  return { at, to, run, borg, listing, read, repository };
}

/** A machine that does much besides needs its time for ten calls of borg. */
const patience = 180_000;

describe('the key of a repository', { timeout: patience }, () => {
  let first: Awaited<ReturnType<typeof lab.run>>;
  let key = '';
  let paper = '';
  const stat = (file: string) => statSync(path.join(lab.to, file));

  beforeAll(async () => {
    lab = labOf();
    first = await lab.run();
    [key = '', paper = ''] = lab.listing();
  }, patience);

  it('is exported in both forms, and for one user alone', () => {
    const stem = `photo-${first.listing.id.slice(0, 8)}`;
    expect([key, paper]).toEqual([`${stem}.key`, `${stem}.paper.txt`]);
    expect(first).toMatchObject({
      listing: { encryption: 'repokey-blake2' },
      fingerprint: digest(lab.read(key)),
    });
    expect(first.files.map(({ written }) => written)).toEqual(['new', 'new']);
    for (const file of [key, paper]) expect(stat(file).mode & 0o777).toBe(0o600);
    expect(statSync(lab.to).mode & 0o777).toBe(0o700);
    expect(readdirSync(lab.at('run/keys'))).toEqual([]);
  });

  it('is left alone where it is right, and put right where it is not', async () => {
    const [whole, before] = [lab.read(key), stat(paper)];
    writeFileSync(path.join(lab.to, key), whole.slice(0, -9));
    chmodSync(path.join(lab.to, paper), 0o644);
    const again = await lab.run();
    expect(again.files.map(({ written }) => written)).toEqual(['replaced', 'unchanged']);
    expect([again.fingerprint, lab.read(key)]).toEqual([first.fingerprint, whole]);
    expect([stat(paper).ino, stat(paper).mtimeMs]).toEqual([before.ino, before.mtimeMs]);
    expect([stat(key).mode & 0o777, stat(paper).mode & 0o777]).toEqual([0o600, 0o600]);
  });

  it.each([
    ['key file', `*--paper*) ;; *export*) sed -i '3y/abcdef/ghijkl/' "$last" ;;`],
    ['key file', `*--paper*) ;; *export*) sed -i '1s/[0-9]/a/g' "$last" ;;`],
    ['paper key', `*export*--paper*) sed -i '$d' "$last" ;;`],
  ])('that is damaged is found out (%s), and takes the place of nothing', async (form, script) => {
    const kept = lab.listing().map(lab.read);
    const options = { stateDir: lab.at('state'), runDir: lab.at('run'), lockWaitSeconds: 5 };
    const broken = { ...options, borg: damaging(script) };
    await expect(exportKey(lab.repository, undefined, lab.to, broken)).rejects.toThrow(
      `the exported ${form} does not open ${lab.repository.location}: `,
    );
    expect(lab.listing().map(lab.read)).toEqual(kept);
    expect(readdirSync(lab.at('run/keys'))).toEqual([]);
  });

  it('is exported anew after a change of the passphrase', async () => {
    lab.borg(['key', 'change-passphrase', lab.at('photo')], { BORG_NEW_PASSPHRASE: 'a new one' });
    writeFileSync(lab.at('words'), 'a new one\n');
    const again = await lab.run();
    expect(again.files.map(({ written }) => written)).toEqual(['replaced', 'replaced']);
    expect(again.fingerprint).not.toBe(first.fingerprint);
  });

  it('opens the repository that has lost its own, and so does the paper', () => {
    const keyless = readFileSync(lab.at('photo/config'), 'utf8').replace(/^key = [\s\S]*$/m, '');
    const env = { BORG_PASSPHRASE: 'a new one' };
    writeFileSync(lab.at('photo/config'), keyless);
    expect(() => lab.borg(['list', lab.at('photo')], env)).toThrow();
    lab.borg(['key', 'import', lab.at('photo'), path.join(lab.to, key)]);
    expect(lab.borg(['list', '--short', lab.at('photo')], env)).toBe('one\n');
    writeFileSync(lab.at('photo/config'), keyless);
    const typed = lab.read(paper).match(/^(id|[ \d]\d): .*$/gm) ?? [];
    const lines = typed.map((line) => line.replace(/^.*?: /, '')).join('\n');
    lab.borg(['key', 'import', '--paper', lab.at('photo')], {}, `${lines}\n`);
    expect(lab.borg(['list', '--short', lab.at('photo')], env)).toBe('one\n');
  });
});

describe('other modes', { timeout: patience }, () => {
  it.each(['keyfile', 'authenticated'])('%s: the key is exported and proven', async (mode) => {
    lab = labOf(mode);
    const exported = await lab.run();
    expect(exported).toMatchObject({ listing: { encryption: mode } });
    expect(exported.files.map(({ written }) => written)).toEqual(['new', 'new']);
  });

  it('none: there is no key', async () => {
    lab = labOf('none');
    expect(await lab.run()).toMatchObject({ listing: { encryption: 'none' }, fingerprint: null, files: [] });
    expect(lab.listing()).toEqual([]);
  });
});

it('a folder for keys is nobody else’s to look into', async () => {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'keys-folder-')), 'keys');
  await privateFolder(folder);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  chmodSync(folder, 0o750);
  await expect(privateFolder(folder)).rejects.toThrow(
    `${folder} can be read by others than its owner; run chmod 700 ${folder}`,
  );
});

/** A borg whose export is damaged on its way. */
function damaging(script: string) {
  const program = path.join(mkdtempSync(path.join(tmpdir(), 'keys-borg-')), 'borg');
  writeFileSync(
    program,
    `#!/bin/sh\nborg "$@" || exit\n[ "$1" = key ] || exit 0\nfor last; do :; done\ncase "$*" in ${script} esac\n`,
    { mode: 0o755 },
  );
  return program;
}
