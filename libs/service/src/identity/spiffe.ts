// SPDX-License-Identifier: Apache-2.0
// Identities are SPIFFE IDs, docs/ARCHITECTURE.md: spiffe://<deployment>/<role>/<name>.
import { Refused } from '@strongroom/bytes';

export const ROLES = ['service', 'source', 'reader', 'custodian'] as const;
export type Role = (typeof ROLES)[number];

export interface SpiffeId {
  readonly deployment: string;
  readonly role: Role;
  readonly name: string;
}

const DEPLOYMENT = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;
/** Names of sources, readers and custodians: they become file names and URI segments, so nothing that needs escaping in either. */
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;
const SPIFFE = /^spiffe:\/\/([^/]+)\/(service|source|reader|custodian)\/([^/]+)$/;

export function serviceId(deployment: string, name: string): string {
  return `spiffe://${deployment}/service/${name}`;
}

export function sourceId(deployment: string, name: string): string {
  return `spiffe://${deployment}/source/${name}`;
}

export function readerId(deployment: string, name: string): string {
  return `spiffe://${deployment}/reader/${name}`;
}

export function custodianId(deployment: string, name: string): string {
  return `spiffe://${deployment}/custodian/${name}`;
}

/** The parts of one of our SPIFFE IDs. Throws `Refused('spiffe.not-ours')`. */
export function parseSpiffe(id: string): SpiffeId {
  const [, deployment = '', role, name = ''] = SPIFFE.exec(id) ?? [];
  if (!DEPLOYMENT.test(deployment) || !NAME.test(name)) {
    throw new Refused('spiffe.not-ours', `"${id.slice(0, 300)}" is no identity of a Strongroom deployment`, {
      why: 'it must read spiffe://<deployment>/service|source|reader|custodian/<name>',
    });
  }
  return { deployment, role: role as Role, name };
}

/** Throws `Refused('spiffe.name')` unless `name` can stand in an identity and in a file name. */
export function checkName(name: string): string {
  if (NAME.test(name) && !name.includes('..')) return name;
  throw new Refused('spiffe.name', `"${name.slice(0, 200)}" cannot be the name of a source, reader or custodian`, {
    why: 'a name has 1 to 128 letters, digits, dots, hyphens or underscores, and begins and ends with a letter or digit',
    fix: 'choose another name, such as web-01',
  });
}

/** Throws `Refused('spiffe.deployment')` unless `name` is a valid SPIFFE trust domain of at most 63 characters. */
export function checkDeployment(name: string): string {
  if (DEPLOYMENT.test(name)) return name;
  throw new Refused('spiffe.deployment', `"${name.slice(0, 200)}" cannot name a deployment`, {
    why: 'a deployment has 1 to 63 lower-case letters, digits, dots or hyphens',
    fix: 'set "deployment" in the configuration to a name such as strongroom-berlin',
  });
}
