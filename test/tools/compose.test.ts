import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { composeProgram } from '../../tools/compose.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'compose-program-'));
});

function plugin(folder: string, mode = 0o755): string {
  const file = path.join(home, folder, 'docker-compose');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, '', { mode });
  return file;
}

it("is the plugin in the user's folder of the docker command", () => {
  const file = plugin('.docker/cli-plugins');
  expect(composeProgram({ HOME: home })).toEqual([file]);
});

it('is looked for below DOCKER_CONFIG instead where that is set', () => {
  plugin('.docker/cli-plugins');
  const file = plugin('other/cli-plugins');
  expect(composeProgram({ HOME: home, DOCKER_CONFIG: path.join(home, 'other') })).toEqual([file]);
});

it('is first looked for where config.json says', () => {
  plugin('.docker/cli-plugins');
  const file = plugin('extra');
  const config = JSON.stringify({ auths: {}, cliPluginsExtraDirs: [path.join(home, 'extra'), 7] });
  writeFileSync(path.join(home, '.docker/config.json'), config);
  expect(composeProgram({ HOME: home })).toEqual([file]);
});

it('is never a file that cannot be run, and a damaged config.json names no folder', () => {
  const file = plugin('.docker/cli-plugins', 0o644);
  writeFileSync(path.join(home, '.docker/config.json'), '{"cliPluginsExtraDirs": ');
  expect(composeProgram({ HOME: home })).not.toEqual([file]);
});
