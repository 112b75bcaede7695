// SPDX-License-Identifier: Apache-2.0
// Where the services spend their time: V8's sampling profiler in each, switched on without a change to the product. The
// supervisor starts services through `prlimit`, found by PATH; ours puts the profiler's flags before the script.
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const INTERVAL_US = 500;
const TOP = 25;

/** Services with work for each event. */
const PROFILED = ['gateway', 'vault'] as const;

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export class ProfiledServices {
  readonly #directory = mkdtempSync(join(tmpdir(), 'strongroom-bench-profile-'));

  constructor() {
    chmodSync(this.#directory, 0o1777); // services have users of their own
    const flags = `--cpu-prof --cpu-prof-interval=${INTERVAL_US} --cpu-prof-dir=${this.#directory} --cpu-prof-name`;
    const script = `#!/bin/sh
# Passes everything on; flags go in before apps/<service>/src/main.ts.
for arg; do
  shift
  case $arg in *apps/*/src/main.ts) name=\${arg%/src/main.ts}; set -- "$@" ${flags} "\${name##*/}-$$.cpuprofile" "$arg" ;; *) set -- "$@" "$arg" ;; esac
done
PATH=\${PATH#*:} exec prlimit "$@"
`;
    writeFileSync(join(this.#directory, 'prlimit'), script, { mode: 0o755 });
  }

  /** What the appliance shall have in its environment. */
  get environment(): Readonly<Record<string, string>> {
    return { PATH: `${this.#directory}:${process.env['PATH'] ?? ''}` };
  }

  /** Tables of self time, once the services ended in order; `events` passed through each of them. */
  report(events: number): string {
    return PROFILED.flatMap((service) => globSync(join(this.#directory, `${service}-*.cpuprofile`)).map((path) => table(path, events))).join('\n');
  }

  clear(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function table(path: string, events: number): string {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as Profile;
  const names = new Map(profile.nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [id, `${functionName || '(anonymous)'}  ${place(url, lineNumber)}`]));
  const selfUs = new Map<string, number>();
  profile.samples.forEach((id, index) => {
    const name = names.get(id) ?? '?';
    // A sample stands for the time until the next one.
    selfUs.set(name, (selfUs.get(name) ?? 0) + (profile.timeDeltas[index + 1] ?? 0));
  });
  const busy = [...selfUs].filter(([name]) => !name.startsWith('(idle)'));
  const totalUs = busy.reduce((sum, [, us]) => sum + us, 0);
  const rows = busy.toSorted((a, b) => b[1] - a[1]).slice(0, TOP).map(([name, us]) => `${(us / events).toFixed(3).padStart(9)} ${((100 * us) / totalUs).toFixed(1).padStart(6)}  ${name}`);
  return [`${basename(path).split('-')[0]}: ${(totalUs / events).toFixed(3)} µs per event on its main thread`, '  µs/event      %  self time of', ...rows, ''].join('\n');
}

function place(url: string, line: number): string {
  const path = /(?:apps|libs)\/.*$/.exec(url)?.[0] ?? url;
  return path === '' ? '' : `${path}:${line + 1}`;
}
