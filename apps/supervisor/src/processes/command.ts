// SPDX-License-Identifier: Apache-2.0
// The command line of a service: prlimit (no core dumps) → setpriv (user, no capabilities, no new privileges) → node.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { nativeHasherPath, type ServiceName } from '@strongroom/service';
import type { Account } from '../place/accounts.ts';

/** Octets of locked memory for OpenSSL's secrets; below the usual limit of locked memory for a user. */
const SECURE_HEAP_BYTES = 65_536;
const FIRST_UNPRIVILEGED_PORT = 1024;
/**
 * For services whose memory is buffers that live for milliseconds, beside a heap of ten megabytes. By its usual rules V8
 * marks all of that heap every 10 to 35 MB of buffers. With these its limits count buffers and lie well above them: nearly
 * all that happens then is that the young generation is collected, which V8 does at 70 MB of young buffers.
 */
const BUFFER_FLAGS = ['--external-memory-accounted-in-global-limit', '--external-memory-max-growing-factor=3', '--initial-old-space-size=64'];

export interface CommandFacts {
  /** Code as services reach it. */
  readonly code: string;
  /** The Node program as services reach it. */
  readonly node: string;
  /** Whether we are root. */
  readonly root: boolean;
  /** The service's user; null when separation is nominal. */
  readonly account: Account | null;
  /** Ports that the service shall listen on. */
  readonly ports: readonly number[];
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/** What to run for a service. Its command line shows `apps/<name>/`. */
export function serviceCommand(name: ServiceName, facts: CommandFacts): Command {
  const { code, node } = facts;
  const args = ['--core=0:0', ...privileges(facts), node, ...nodeFlags(name, code), join(code, 'apps', name, 'src/main.ts')];
  return { file: 'prlimit', args };
}

function privileges({ root, account, ports }: CommandFacts): string[] {
  // Without a user of its own a service keeps, as root, only what it needs to use files of whoever ran before.
  if (account === null) {
    const kept = '-all,+chown,+dac_override,+dac_read_search,+fowner';
    return root ? ['setpriv', `--bounding-set=${kept}`, `--inh-caps=-all`, '--no-new-privs'] : ['setpriv', '--no-new-privs'];
  }
  const kept = ports.some((port) => port > 0 && port < FIRST_UNPRIVILEGED_PORT) ? '-all,+net_bind_service' : '-all';
  const groups = account.groups.length === 0 ? '--clear-groups' : `--groups=${account.groups.join(',')}`;
  return [
    'setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, groups,
    `--bounding-set=${kept}`, `--inh-caps=${kept}`, `--ambient-caps=${kept}`, '--no-new-privs',
  ];
}

/**
 * For a vault that hashes in WebAssembly: compiled at once by the optimising compiler, it takes about half the time. One that
 * has the addon does without: Node strips types in WebAssembly too, and compiling that so costs seconds at a first start.
 */
const WEBASSEMBLY_FLAGS = ['--no-liftoff', '--no-wasm-lazy-compilation'];

/** Node's flags for a service. */
export function nodeFlags(name: ServiceName, code: string): string[] {
  return [
    '--disable-sigusr1', `--secure-heap=${SECURE_HEAP_BYTES}`,
    ...(mayLoadAddons(name, code) ? [] : ['--no-addons', ...(name === 'vault' ? WEBASSEMBLY_FLAGS : [])]),
    // Two session tickets that a client does not read turn its close into a reset, and a burst loses its end.
    ...(name === 'gateway' ? [`--openssl-config=${join(code, 'apps/gateway/openssl.cnf')}`] : []),
    ...(name === 'gateway' || name === 'vault' || name === 'capture' ? BUFFER_FLAGS : []),
  ];
}

/** keys its PKCS#11 binding; the vault the one that hashes, where set-up built it. */
function mayLoadAddons(name: ServiceName, code: string): boolean {
  return name === 'keys' || (name === 'vault' && existsSync(nativeHasherPath(code)));
}

const PASSED_ON = /^(PATH|LANG|LC_[A-Z]+|TZ|TMPDIR|LD_PRELOAD|LD_LIBRARY_PATH|FAKETIME.*)$/;

/** The environment of services: what a program needs to run here, and nothing that the caller may have in it beside. */
export function serviceEnvironment(codeCache: string, environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return { ...Object.fromEntries(Object.entries(environment).filter(([name]) => PASSED_ON.test(name))), NODE_COMPILE_CACHE: codeCache };
}
