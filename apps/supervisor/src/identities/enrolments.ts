// SPDX-License-Identifier: Apache-2.0
// Who is enrolled: state/registry.json and its changes. A change is durable before anybody is told of it.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Failed, Refused } from '@strongroom/bytes';
import {
  checkName, custodianId, EMPTY_REGISTRY, isEnrolledRole, keyHashOf, readerId, REGISTRY_PART, sourceId, writeDurably, type EnrolledRole, type Enrolment, type Registry,
} from '@strongroom/service';
import { readRequest } from '@strongroom/keys';
import type { KeysAdmin } from './keys-admin.ts';

const DAYS_DEFAULT = 365;
const DAYS_MAX = 3650;

export interface EnrolRequest {
  readonly name: string;
  readonly role: EnrolledRole;
  readonly csrPem: string;
  readonly days: number;
  /** Whether a living enrolment of the same name may be replaced; its certificate then no longer counts. */
  readonly replace: boolean;
}

export interface Enrolled extends Enrolment {
  readonly certPem: string;
}

type Part = keyof Registry;

const ID_OF = { sources: sourceId, readers: readerId, custodians: custodianId } as const satisfies Record<Part, unknown>;

export class Enrolments {
  readonly #file: string;
  readonly #deployment: string;
  #registry: Registry;
  /** Changes are made one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Throws `Failed('supervisor.registry')` when the file is there and cannot be read: nobody may be forgotten silently. */
  constructor(file: string, deployment: string) {
    this.#file = file;
    this.#deployment = deployment;
    this.#registry = readRegistry(file);
  }

  get registry(): Registry {
    return this.#registry;
  }

  /** Has a certificate issued and enters its holder. Throws `Refused`: `supervisor.enrolled`, or what issuing refuses. */
  enrol(request: EnrolRequest, keys: KeysAdmin): Promise<Enrolled> {
    return this.#inTurn(async () => {
      const part: Part = REGISTRY_PART[request.role];
      const before = own(this.#registry[part], request.name);
      if (before !== undefined && before.revokedAt === null && !request.replace) throw alreadyEnrolled(before, request.name);
      const id = ID_OF[part](this.#deployment, request.name);
      if (request.role === 'custodian') requireP256(request.csrPem);
      const issued = await keys.issue({
        csrPem: request.csrPem, uris: [id], dns: [], ips: [], commonName: request.name.slice(0, 64), usages: ['client'], notAfterDays: request.days,
      });
      const entry: Enrolment = {
        id, keyHash: keyHashOf(new X509Certificate(issued.certPem)), serial: issued.serial,
        enrolledAt: new Date().toISOString(), notAfter: issued.notAfter, revokedAt: null,
      };
      await this.#enter(part, request.name, entry);
      return { ...entry, certPem: issued.certPem };
    });
  }

  /** Enters somebody whose certificate we made ourselves (the operator), unless revoked. */
  async adopt(part: Part, name: string, certificate: X509Certificate): Promise<boolean> {
    return this.#inTurn(async () => {
      const id = ID_OF[part](this.#deployment, name);
      const before = own(this.#registry[part], name);
      const facts = {
        id, keyHash: keyHashOf(certificate), serial: certificate.serialNumber.toLowerCase(),
        notAfter: new Date(certificate.validTo).toISOString(),
      };
      if (before !== undefined && (before.revokedAt !== null || before.serial === facts.serial)) return false;
      await this.#enter(part, name, { ...facts, enrolledAt: before?.enrolledAt ?? new Date().toISOString(), revokedAt: null });
      return true;
    });
  }

  /** Ends an enrolment. Throws `Refused`: `supervisor.not-enrolled`, `supervisor.already-revoked`. */
  revoke(part: Part, name: string, reason: string): Promise<Enrolment> {
    return this.#inTurn(async () => {
      const before = own(this.#registry[part], name);
      if (before === undefined) throw notEnrolled(Object.keys(this.#registry[part]), name);
      if (before.revokedAt !== null) {
        const facts = { why: `since ${before.revokedAt}`, fix: 'nothing needs to be done' };
        throw new Refused('supervisor.already-revoked', `"${name}" is already revoked`, facts);
      }
      const entry = { ...before, revokedAt: new Date().toISOString(), reason };
      await this.#enter(part, name, entry);
      return entry;
    });
  }

  async #enter(part: Part, name: string, entry: Enrolment): Promise<void> {
    const next = { ...this.#registry, [part]: { ...this.#registry[part], [name]: entry } };
    await writeDurably(this.#file, `${JSON.stringify(next, null, 2)}\n`, 0o640);
    this.#registry = next;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** The request in a caller's arguments. Throws `Refused`: `supervisor.enrol`, `spiffe.name`. */
export function readEnrolRequest(args: unknown): EnrolRequest {
  const { name, role, csrPem, days, replace } = (args ?? {}) as Record<string, unknown>;
  if (typeof name !== 'string' || typeof csrPem !== 'string') {
    throw new Refused('supervisor.enrol', 'an enrolment needs a name and a certificate request');
  }
  if (!isEnrolledRole(role)) throw new Refused('supervisor.enrol', `the role must be ${Object.keys(REGISTRY_PART).join(', ')}, not ${JSON.stringify(role)}`);
  const life = days ?? DAYS_DEFAULT;
  if (typeof life !== 'number' || !Number.isInteger(life) || life < 1 || life > DAYS_MAX) {
    throw new Refused('supervisor.enrol', `${JSON.stringify(life)} days is no life of a certificate`, {
      why: `it must be from 1 to ${DAYS_MAX} days`, fix: `leave it out for ${DAYS_DEFAULT} days`,
    });
  }
  return { name: checkName(name), role, csrPem, days: life, replace: replace === true };
}

/** Orders are signed with ECDSA P-256 alone, so that whoever checks them needs one algorithm. */
function requireP256(csrPem: string): void {
  const { name } = readRequest(csrPem);
  if (name !== 'P-256') throw new Refused('supervisor.custodian-key', `a custodian's key must be ECDSA P-256, not ${name}`, { fix: 'make the signing request with such a key' });
}

function own(entries: Readonly<Record<string, Enrolment>>, name: string): Enrolment | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}

function alreadyEnrolled(before: Enrolment, name: string): Refused {
  return new Refused('supervisor.enrolled', `"${name}" is already enrolled`, {
    why: `since ${before.enrolledAt}, with the key ${before.keyHash.slice(0, 16)}…`,
    fix: `choose another name, or first: strongroom revoke ${name}`,
  });
}

function notEnrolled(known: readonly string[], name: string): Refused {
  const some = known.slice(0, 10).join(', ');
  return new Refused('supervisor.not-enrolled', `nobody called "${name.slice(0, 200)}" is enrolled`, {
    why: known.length === 0 ? 'nobody is' : `enrolled are ${some}${known.length > 10 ? ` and ${known.length - 10} more` : ''}`,
    fix: 'see "strongroom sources"',
  });
}

function readRegistry(file: string): Registry {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY_REGISTRY;
    throw unreadable(file, error);
  }
  try {
    // Custodians came later than the file.
    const { sources, readers, custodians = {} } = JSON.parse(text) as Partial<Registry>;
    if (typeof sources !== 'object' || typeof readers !== 'object' || typeof custodians !== 'object') throw new Error('"sources" or "readers" is missing');
    return { sources, readers, custodians };
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): Failed {
  return new Failed('supervisor.registry', `${file} cannot be read`, {
    why: (cause as Error).message, fix: 'restore it from a backup; without it revocations would be forgotten', cause,
  });
}
