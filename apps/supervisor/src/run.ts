// SPDX-License-Identifier: Apache-2.0
// Stage two: configuration, lock, ports, directories; then everything lives (live.ts).
import { join } from 'node:path';
import { layout, SERVICES } from '@strongroom/service';
import { machineAccounts, type Accounts } from './accounts.ts';
import { refreshCodeCache, shareCodeCache, warm } from './code-cache.ts';
import { nodeFlags } from './command.ts';
import { deploymentName } from './deployment.ts';
import { live } from './live.ts';
import { lockHome } from './lock.ts';
import type { Place } from './place.ts';
import { checkPorts, settlePorts, wantedPorts } from './ports.ts';
import { readConfig } from './read-config.ts';
import { endWith, say } from './say.ts';
import { makeTree } from './tree.ts';
import { mountView, seenByServices } from './view.ts';

/** Runs everything; ends the process. */
export async function run(place: Place): Promise<never> {
  try {
    process.exit(await supervise(place));
  } catch (error) {
    endWith(error);
  }
}

async function supervise(place: Place): Promise<number> {
  const paths = layout(place.home);
  const wanted = readConfig();
  const { fd: lock } = await lockHome(paths, () => say('waiting for services of an earlier run to stop'));
  await checkPorts(wantedPorts(wanted));
  const config = await settlePorts(wanted);
  const users = place.nominal === null ? machineAccounts() : null;
  makeTree(paths, users);
  const deployment = await deploymentName(paths, config.deployment);
  const leave = mountView(place);
  try {
    prepareCode(place, users);
    process.umask(0o077);
    return await live({ place, paths, config, lock, users, deployment });
  } finally {
    leave();
  }
}

/** The services' code, compiled where they will see it. */
function prepareCode(place: Place, users: Accounts | null): void {
  const { code } = seenByServices(place);
  const programs = SERVICES.filter((name) => name !== 'supervisor').map((name) => ({
    file: join(code, 'apps', name, 'src/main.ts'), flags: nodeFlags(name, code), environment: {},
  }));
  if (refreshCodeCache(place.codeCache, place.code, `services-${code === place.code ? 'here' : 'view'}`)) warm(place.codeCache, programs);
  if (users !== null) shareCodeCache(place.codeCache, 0, Object.values(users).map(({ uid }) => uid));
}
