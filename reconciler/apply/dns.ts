import { dnsServer } from '../../tools/dns/server.ts';
import { DnsError } from '../../tools/dns/types.ts';
import type { Step } from '../types.ts';
import type { ToolOptions } from './tool.ts';
import { StepError } from './types.ts';

type RecordStep = Extract<Step, { op: 'dns-put' | 'dns-remove' }>;

/** One record at one server. What somebody else has made in the meantime is left alone, and that is said. */
export async function changeRecord(step: RecordStep, { signal }: ToolOptions): Promise<void> {
  const { provider, mark, name, address } = step;
  const server = dnsServer(provider, { mark, signal });
  try {
    if (step.op === 'dns-put') await server.put({ name, address }, step.replaces);
    else await server.remove({ name, address });
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    throw new StepError(error.message, { retryable: true, cause: error });
  }
}
