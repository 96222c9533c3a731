import type { RuleId } from '../../schema/rule-ids.ts';
import type { Rule } from '../types.ts';
import { backupCoverage } from './backup-coverage.ts';
import { builtImage } from './built-image.ts';
import { capabilities } from './capabilities.ts';
import { containerNames } from './container-names.ts';
import { databaseHealth } from './database-health.ts';
import { dependsOnHealthy } from './depends-on-healthy.ts';
import { devices } from './devices.ts';
import { dockerSocket } from './docker-socket.ts';
import { floatingTag } from './floating-tag.ts';
import { hostNamespaces } from './host-namespaces.ts';
import { hostPorts } from './host-ports.ts';
import { networkDriver } from './network-driver.ts';
import { outsideBindMount } from './outside-bind-mount.ts';
import { outsideFiles } from './outside-files.ts';
import { ownNetwork } from './own-network.ts';
import { plainSecrets } from './plain-secrets.ts';
import { privileged } from './privileged.ts';
import { restartPolicy } from './restart-policy.ts';
import { rootUser } from './root-user.ts';
import { runtimeSettings } from './runtime-settings.ts';
import { serverEnvironment } from './server-environment.ts';
import { sharedNetwork } from './shared-network.ts';
import { unjudged } from './unjudged.ts';

/** Every rule of the policy: a new one is a file and a line here. */
export const rules: { readonly [K in RuleId]: Rule & { id: RuleId } } = {
  'host-ports': hostPorts,
  'own-network': ownNetwork,
  'shared-network': sharedNetwork,
  privileged,
  capabilities,
  'host-namespaces': hostNamespaces,
  'docker-socket': dockerSocket,
  devices,
  'outside-bind-mount': outsideBindMount,
  'outside-files': outsideFiles,
  'network-driver': networkDriver,
  'runtime-settings': runtimeSettings,
  'server-environment': serverEnvironment,
  'built-image': builtImage,
  unjudged,
  'root-user': rootUser,
  'database-health': databaseHealth,
  'depends-on-healthy': dependsOnHealthy,
  'restart-policy': restartPolicy,
  'floating-tag': floatingTag,
  'plain-secrets': plainSecrets,
  'container-names': containerNames,
  'backup-coverage': backupCoverage,
};
