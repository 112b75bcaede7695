// SPDX-License-Identifier: Apache-2.0
// Who may submit what: the gateway for sources that are enrolled with the key they showed, everybody else for itself.
import { KIND, NO_KEY, type ReceivedRun } from '@strongroom/evidence';
import { parseSpiffe, serviceId, standing, type Registry } from '@strongroom/service';
import type { Permit } from './admission.ts';

/** Protocols without certificates, which exist only where they were switched on by name. */
const PLAIN = new Set(['syslog-tcp', 'syslog-udp']);

/** Answers with a code when a run may not be sealed: `source.unknown`, `source.revoked`, `source.other-key`, `source.foreign`. */
export function permitFor(deployment: string, registry: () => Registry): Permit {
  const gateway = serviceId(deployment, 'gateway');
  return (service, run) => {
    if (run.source === service) return null;
    if (service !== gateway) return 'source.foreign';
    if (isPlain(deployment, run)) return null;
    const found = standing(registry(), run.source, run.sourceKey.toString('hex'));
    // That a revoked source's streams ended is the gateway's own word, and leaves no unexplained gap.
    return found === 'enrolled' || (found === 'revoked' && run.kind === KIND.end) ? null : `source.${found}`;
  };
}

/** Plain TCP and UDP show no certificate: their source is named by address under `plain`. */
function isPlain(deployment: string, run: ReceivedRun): boolean {
  if (!PLAIN.has(run.protocol) || !run.sourceKey.equals(NO_KEY)) return false;
  try {
    const id = parseSpiffe(run.source);
    return id.deployment === deployment && id.role === 'source' && id.name.startsWith('plain-');
  } catch {
    return false;
  }
}
