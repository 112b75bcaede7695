// SPDX-License-Identifier: Apache-2.0
// Every check, in the order in which findings are told: what explains others comes first, and what harms nothing yet last.
import { certificatesCheck } from './checks/certificates.ts';
import { clockCheck } from './checks/clock.ts';
import { configCheck } from './checks/config.ts';
import { diskCheck } from './checks/disk.ts';
import { firewallCheck } from './checks/firewall.ts';
import { flowCheck } from './checks/flow.ts';
import { hsmCheck } from './checks/hsm.ts';
import { kernelCheck } from './checks/kernel.ts';
import { limitsCheck } from './checks/limits.ts';
import { portsCheck } from './checks/ports.ts';
import { secretsCheck } from './checks/secrets.ts';
import { servicesCheck } from './checks/services.ts';
import { silenceCheck } from './checks/silence.ts';
import { versionsCheck } from './checks/versions.ts';
import { wayReachCheck } from './checks/way-reach.ts';
import { wayTrustCheck } from './checks/way-trust.ts';
import type { Check } from './check.ts';
import type { Way } from './way.ts';

/** Of the appliance itself. */
export const CHECKS: readonly Check[] = [
  configCheck, clockCheck, diskCheck, hsmCheck, portsCheck, firewallCheck, certificatesCheck, servicesCheck, flowCheck, silenceCheck, secretsCheck, limitsCheck, kernelCheck, versionsCheck,
];

/** Of the way to one, from where a producer stands. */
export const WAY_CHECKS: readonly Check<Way>[] = [wayReachCheck, wayTrustCheck];
