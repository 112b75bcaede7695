// SPDX-License-Identifier: Apache-2.0
// The two ways to a running Strongroom: the supervisor's control socket, for who started it, and the vault's read
// socket, for who holds a reader's certificate.
import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { loadIdentity, parseSpiffe, RpcClient, serviceId, type Identity, type Layout } from '@strongroom/service/client';

/** Throws `Failed('control.not-running')`, and `Refused('control.not-permitted')` without the right. */
export async function openControl(paths: Layout): Promise<RpcClient> {
  try {
    return await RpcClient.connect(paths.controlSocket);
  } catch (error) {
    if (isDenied(error)) throw notPermitted('control', paths.controlSocket, 'to order the supervisor', 'run the command as the user who started Strongroom, or as root');
    throw new Failed('control.not-running', 'Strongroom is not running', {
      why: `nobody answers at ${paths.controlSocket}`, fix: 'start it with "npm start", or name its home with --home DIR', cause: error,
    });
  }
}

export interface Reader {
  readonly client: RpcClient;
  readonly deployment: string;
}

/**
 * A connection to the vault as a reader: `directory` (cert.pem, key.pem, perhaps ca.pem) or the home's operator.
 * Throws `Refused('read.not-permitted')`, `Failed('rpc.unreachable')`, and what `loadIdentity` throws.
 */
export async function openReader(paths: Layout, directory: string | undefined): Promise<Reader> {
  const identity = readerIdentity(paths, directory);
  const { deployment } = parseSpiffe(identity.id);
  try {
    return { client: await RpcClient.connect(paths.readSocket, { identity, expected: serviceId(deployment, 'vault') }), deployment };
  } catch (error) {
    throw isDenied(error) ? notPermitted('read', paths.readSocket, 'to read evidence', 'run the command as the user who started Strongroom, or as root') : error;
  }
}

function readerIdentity(paths: Layout, directory: string | undefined): Identity {
  const files = directory === undefined ? paths.identity('operator') : { directory, certificate: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  try {
    return loadIdentity(files, ownCa(directory) ?? paths.ca);
  } catch (error) {
    if (isDenied(error)) throw notPermitted('read', files.key, 'to read evidence', OWN_IDENTITY);
    if (isMissing(error) && directory !== undefined) throw noIdentity(directory, error);
    if (isMissing(error)) throw neverStarted(paths, error);
    throw error;
  }
}

const OWN_IDENTITY = 'run it as that user or as root, or ask for a reader\'s certificate ("strongroom enrol NAME --role reader --out DIR") and give --identity DIR';

/** The CA that came with the identity: the home's own need not be readable. */
function ownCa(directory: string | undefined): string | undefined {
  if (directory === undefined) return undefined;
  const file = join(directory, 'ca.pem');
  try {
    readFileSync(file);
    return file;
  } catch {
    return undefined;
  }
}

function notPermitted(area: 'control' | 'read', path: string, right: string, fix: string): Refused {
  return new Refused(`${area}.not-permitted`, `you have not the right ${right}`, {
    why: `${path} is ${ownerOf(path)} and you are ${userName()}`, fix,
  });
}

function noIdentity(directory: string, cause: unknown): Refused {
  return new Refused('read.no-identity', `there is no identity in ${directory}`, {
    why: 'cert.pem or key.pem is not there', fix: 'give the directory that "strongroom enrol NAME --role reader --out DIR" wrote', cause,
  });
}

/** The home holds no operator's identity: nothing was ever started there, or it is another home. */
function neverStarted(paths: Layout, cause: unknown): Failed {
  return new Failed('home.empty', `no Strongroom was started in ${paths.home}`, {
    why: `${paths.identity('operator').certificate} is not there`, fix: 'start it with "npm start", or name its home with --home DIR', cause,
  });
}

function ownerOf(path: string): string {
  try {
    const { uid } = statSync(path);
    return `for user ${uid} alone`;
  } catch {
    return 'for its owner alone';
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.()}`;
  }
}

function isDenied(error: unknown): boolean {
  return hasCode(error, ['EACCES', 'EPERM']);
}

function isMissing(error: unknown): boolean {
  return hasCode(error, ['ENOENT', 'ENOTDIR']);
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (codes.includes((at as NodeJS.ErrnoException).code ?? '')) return true;
  }
  return false;
}
