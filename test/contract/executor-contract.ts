import type { ContractCase } from './contract-host.ts';
import { directoryContract } from './directory-contract.ts';
import { dockerContract } from './docker-contract.ts';
import { stopContract } from './stop-contract.ts';
import { zfsContract } from './zfs-contract.ts';

/**
 * What every pair of observer and executor keeps to, the simulator's as well as the real tools'. Plain functions with
 * node:assert, so that vitest and a script inside a machine can run them. Each leaves the host as it found it but for
 * datasets below the parent.
 */
export const executorContract: readonly ContractCase[] = [
  ...zfsContract,
  ...directoryContract,
  ...dockerContract,
  ...stopContract,
];
