import { readFile } from 'node:fs/promises';
import type { Step } from '../types.ts';
import { argvOf } from './argv.ts';
import { callTool, type ToolOptions } from './tool.ts';
import { StepError } from './types.ts';

/** Makes the group with exactly this id. There already: done, or an error when its id is another one. */
export async function createGroup(
  step: Extract<Step, { op: 'group-create' }>,
  options: ToolOptions & { groupFile: string },
): Promise<void> {
  const lines = (await readFile(options.groupFile, 'utf8')).split('\n').map((line) => line.split(':'));
  const id = lines.find(([name]) => name === step.group)?.[2];
  if (id === String(step.gid)) return;
  if (id !== undefined) {
    throw new StepError(`the group ${step.group} exists with the id ${id}, not ${step.gid}`, {
      retryable: false,
    });
  }
  const { groupFile: _groupFile, ...tool } = options;
  await callTool(argvOf(step)[0] ?? [], tool);
}
