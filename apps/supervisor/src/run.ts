// SPDX-License-Identifier: Apache-2.0
// Stage two: configuration, lock, ports, directories; then everything lives (live.ts).
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { layout, wantedPorts, writeDurably, type Config, type ServiceName } from '@strongroom/service';
import { checkPorts, settlePorts } from './config/ports.ts';
import { readConfig } from './config/read-config.ts';
import { deploymentName } from './home/deployment.ts';
import { lockHome } from './home/lock.ts';
import { giveRackSecrets } from './home/rack-secrets.ts';
import { giveChecksums, makeTree } from './home/tree.ts';
import { machineAccounts, type Accounts } from './place/accounts.ts';
import { refreshCodeCache, shareCodeCache, warm } from './place/code-cache.ts';
import type { Place } from './place/place.ts';
import { asSeen, mountView, seenByServices } from './place/view.ts';
import { nodeFlags } from './processes/command.ts';
import { startedBySystemd } from './processes/doorway.ts';
import { needsRack, needsWitness } from './processes/plans.ts';
import { endWith, say } from './terminal/say.ts';
import { live, type Compiled } from './live.ts';

/** Beside a service's main program: what its main thread does not import. */
const THREADS: Readonly<Partial<Record<ServiceName, readonly string[]>>> = { vault: ['src/upkeep/upkeep-thread.ts'] };

/** Runs everything; ends the process. */
export async function run(place: Place): Promise<never> {
  // Who reads what we print may go away, as a program behind a pipe does. Evidence is taken all the same.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
  try {
    process.exit(await supervise(place));
  } catch (error) {
    endWith(error);
  }
}

async function supervise(place: Place): Promise<number> {
  const paths = layout(place.home);
  const { config: wanted, policy, roots } = readConfig(paths.home);
  const { fd: lock } = await lockHome(paths, () => say('waiting for services of an earlier run to stop'));
  await checkPorts(wantedPorts(wanted));
  const settled = await settlePorts(wanted);
  const copies = mirrorDirectory(settled, paths.home);
  const config = withoutKmsg(withMirror(settled, copies === undefined ? undefined : asSeen(place, copies)));
  const users = place.nominal === null ? machineAccounts() : null;
  makeTree(paths, users, copies);
  await keepForServices(paths.policy, policy);
  await keepForServices(paths.timestampRoots, roots);
  giveRackSecrets(paths, users, config.rack);
  giveChecksums(config.vault.checksums, users);
  const deployment = await deploymentName(paths, config.deployment);
  const leave = mountView(place);
  try {
    const compiled = prepareCode(place, users, config);
    process.umask(0o077);
    return await live({ place, paths, config, lock, users, deployment, compiled });
  } finally {
    leave();
  }
}

/** Where the mirror keeps its copies, if it shall; relative paths start at home. */
function mirrorDirectory({ witness: { serve } }: Config, home: string): string | undefined {
  return serve.enabled && serve.mirror !== undefined ? resolve(home, serve.mirror) : undefined;
}

function withMirror(config: Config, mirror: string | undefined): Config {
  return mirror === undefined ? config : { ...config, witness: { ...config.witness, serve: { ...config.witness.serve, mirror } } };
}

/** To a service that systemd started no descriptor can be handed over; the journal has kernel messages too. */
function withoutKmsg(config: Config): Config {
  return startedBySystemd() ? { ...config, capture: { ...config.capture, kmsg: false } } : config;
}

/** Services read it here: the file that the configuration names may lie where they cannot. */
async function keepForServices(path: string, content: Buffer | null): Promise<void> {
  if (content === null) rmSync(path, { force: true });
  else await writeDurably(path, content, 0o644);
}

/** The services' code, compiled where they will see it, each before it is needed. */
function prepareCode(place: Place, users: Accounts | null, config: Config): Compiled {
  const { code } = seenByServices(place);
  const fresh = refreshCodeCache(place.codeCache, place.code, code === place.code ? 'services' : 'services-in-view');
  const share = (): void => { if (users !== null) shareCodeCache(place.codeCache, 0, Object.values(users).map(({ uid }) => uid)); };
  const prepared = async (...names: ServiceName[]): Promise<void> => {
    const programs = names.flatMap((name) => ['src/main.ts', ...(THREADS[name] ?? [])].map((file) => ({ file: join(code, 'apps', name, file), flags: nodeFlags(name, code), environment: {} })));
    if (fresh) await warm(place.codeCache, programs);
    share();
  };
  const keys = prepared('keys');
  return { keys, others: keys.then(() => prepared('vault', 'gateway', 'capture', ...(config.clock.enabled ? ['skew-guard' as const] : []), ...(needsRack(config) ? ['rack-monitor' as const] : []), ...(needsWitness(config) ? ['witness' as const] : []))) };
}
