// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';
import { checkDeployment, writeDurably, type Layout } from '@strongroom/service';

/**
 * The deployment's name: made at first start, from the configuration or at random, and never another one afterwards.
 * Throws `Refused('supervisor.deployment')` when the configuration says another.
 */
export async function deploymentName(paths: Layout, configured: string | undefined): Promise<string> {
  const known = readOr(paths.deployment);
  if (known !== null && configured !== undefined && configured !== known) {
    throw new Refused('supervisor.deployment', `this home belongs to the deployment ${known}`, {
      why: `the configuration says ${configured}, and the name stands in every identity and in the log`,
      fix: `set "deployment: ${known}" or remove the key, or choose another STRONGROOM_HOME`,
    });
  }
  if (known !== null) return checkDeployment(known);
  const made = configured ?? `strongroom-${randomBytes(4).toString('hex')}`;
  await writeDurably(paths.deployment, `${made}\n`, 0o644);
  return made;
}

function readOr(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
