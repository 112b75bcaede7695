// SPDX-License-Identifier: Apache-2.0
// Stage one: where services will run, decided before anything is started. This process is replaced by the next stage, so
// nothing that is loaded here stays in memory.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, lstatSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { homeDirectory, layout } from '@strongroom/service';
import { Refused } from '@strongroom/bytes';
import { refreshCodeCache, warm } from './place/code-cache.ts';
import { makeDirectory } from './place/directory.ts';
import type { Place } from './place/place.ts';
import { unreachable, viewDirectory } from './place/view.ts';
import { endWith } from './terminal/say.ts';

export interface Prepared {
  readonly place: Place;
  /** What to become: its program and arguments. */
  readonly command: readonly string[];
}

/** Decides the place and warms the code cache for the supervisor itself. Ends the process when there can be no home. */
export async function prepare(main: string): Promise<Prepared> {
  const code = resolve(dirname(main), '../../..');
  const paths = layout(homeDirectory(code));
  try {
    makeDirectory(paths.run);
    accessSync(paths.run, constants.W_OK);
    ownCodeCache(paths.codeCache);
  } catch (error) {
    endWith(new Refused('supervisor.home', `${paths.home} cannot be used as home`, {
      why: (error as Error).message, fix: 'set STRONGROOM_HOME to a directory that you may write', cause: error,
    }));
  }
  const place: Place = {
    code: realpathSync(code), home: realpathSync(paths.home), codeCache: realpathSync(paths.codeCache),
    ...separationPlan(code, paths.home),
  };
  if (refreshCodeCache(place.codeCache, place.code, 'supervisor')) {
    await warm(place.codeCache, [{ file: main, flags: [], environment: { STRONGROOM_STAGE: 'warm' } }]);
  }
  const node = [process.execPath, '--disable-sigusr1', main];
  // What the machine mounts later (a volume that comes back) is to be seen; what we mount is not to be seen by it.
  return { place, command: place.view === null ? node : [which('unshare'), '--mount', '--propagation', 'slave', '--', ...node] };
}

/** What another user may write there, we would run: as after a start without root. */
function ownCodeCache(cache: string): void {
  if (lstatSync(cache, { throwIfNoEntry: false })?.uid !== process.getuid?.()) rmSync(cache, { recursive: true, force: true });
  makeDirectory(cache);
}

function separationPlan(code: string, home: string): Pick<Place, 'view' | 'nominal'> {
  if (process.getuid?.() !== 0) return { view: null, nominal: 'it was not started as root, so all services run as the same user' };
  if (!works('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', 'true')) {
    return { view: null, nominal: 'this root may not give up its rights (setpriv failed), so all services run as root' };
  }
  const hidden = unreachable([code, process.execPath, home]);
  if (hidden === null) return { view: null, nominal: null };
  if (works('unshare', '--mount', '--propagation', 'slave', 'true')) return { view: viewDirectory(home), nominal: null };
  return { view: null, nominal: `other users may not search ${hidden}, and this root may not mount, so all services run as root` };
}

function works(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function which(command: string): string {
  for (const directory of (process.env['PATH'] ?? '').split(':')) {
    if (directory !== '' && works('test', '-x', join(directory, command))) return join(directory, command);
  }
  return join('/usr/bin', command);
}
