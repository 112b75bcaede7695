// SPDX-License-Identifier: Apache-2.0
// Certificates on this machine: valid now and for some time, with their keys, their chain and their names.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import { SERVICES, type Config, type Layout } from '@strongroom/service/client';
import { duration } from '../../quantity.ts';
import { check, type Say } from '../check.ts';
import { readRegular } from '../reading.ts';
import { word } from '../shell.ts';
import type { Patient } from '../patient.ts';

/** Ours are renewed when a third of their 90 days is left: with less, renewal does not work. */
const OURS_DAYS_MIN = 25;
const GIVEN_DAYS_MIN = 14;
const DAY_MS = 86_400_000;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

const CODES = {
  'certificate.unreadable': { severity: 'bad', seen: 'a certificate or its key cannot be read', why: 'whose it is cannot show who it is, and is refused' },
  'certificate.expired': { severity: 'bad', seen: 'a certificate is over by the clock of this machine', why: 'TLS with it fails: senders, or our own services among each other, are cut off' },
  'certificate.not-yet-valid': { severity: 'bad', seen: 'a certificate begins later than now by the clock of this machine', why: 'TLS with it fails; mostly it is the clock that is behind' },
  'certificate.expiring': { severity: 'weak', seen: `a certificate of yours ends within ${GIVEN_DAYS_MIN} days, or one of ours was not renewed when it was due`, why: 'when it is over, TLS with it fails' },
  'certificate.key': { severity: 'bad', seen: 'a key is not the one in its certificate', why: 'the listener does not start with it, or keeps the old one' },
  'certificate.chain': { severity: 'bad', seen: 'gateway.tls.certificate lacks an intermediate certificate, or has them in the wrong order', why: 'a sender that knows only the root cannot follow it, and refuses the connection' },
  'certificate.names': { severity: 'bad', seen: 'the server certificate lacks a name that gateway.serverNames has', why: 'a sender that calls us by that name refuses the certificate' },
} as const;
type Code = keyof typeof CODES;

interface Held {
  readonly name: string;
  readonly certificate: string;
  readonly key: string | null;
  /** We issue and renew it. */
  readonly ours: boolean;
}

export const certificatesCheck = check({
  name: 'certificates',
  codes: CODES,
  look(patient, say: Say<Code>) {
    const { config, paths, founded, nowMs } = patient;
    if (!founded) return say.unseen('nothing was ever started in this home', ...(Object.keys(CODES) as Code[]));
    if (config === null) say.unseen('the configuration is not valid', 'certificate.chain', 'certificate.names');
    const [over, early] = [[], []] as [string[], string[]];
    for (const held of heldCertificates(paths, config)) {
      const found = readChain(held, say);
      if (found === null) continue;
      const [from, until] = [found[0]!.validFromDate.getTime(), found[0]!.validToDate.getTime()];
      const said = `${held.name} (${held.certificate})`;
      if (nowMs > until) over.push(`${said} since ${day(until)}`);
      else if (nowMs < from) early.push(`${said} until ${day(from)}`);
      else if (until - nowMs < (held.ours ? OURS_DAYS_MIN : GIVEN_DAYS_MIN) * DAY_MS) sayExpiring(held, until - nowMs, say);
      judgeKey(held, found[0]!, patient, say);
      if (held.name === 'server' && !held.ours) judgeChain(held, found, [...rootsOf(paths, config), ...rootCertificates.map((pem) => new X509Certificate(pem))], say);
      if (held.name === 'server') judgeNames(held, found[0]!, config?.gateway.serverNames ?? [], say);
    }
    sayTimes(over, early, patient, say);
  },
});

function heldCertificates(paths: Layout, config: Config | null): Held[] {
  const { certificate, key } = config?.gateway.tls ?? {};
  const { serve } = config?.witness ?? {};
  const services = [...SERVICES, 'operator' as const].map((name) => ({ name, ...paths.identity(name), ours: true }));
  return [
    { name: 'CA', certificate: paths.ca, key: null, ours: false }, ...services,
    { name: 'server', certificate: certificate ?? paths.gatewayServerCertificate, key: key ?? paths.gatewayServerKey, ours: certificate === undefined },
    ...(serve?.certificate === undefined ? [] : [{ name: 'witness.serve', certificate: serve.certificate, key: serve.key ?? null, ours: false }]),
  ];
}

/** The certificates of a file in their order; null when there is nothing to judge. */
function readChain({ name, certificate, ours }: Held, say: Say<Code>): X509Certificate[] | null {
  if (!existsSync(certificate) && ours) return null; // made at the next start
  try {
    const found = (readRegular(certificate).toString('utf8').match(PEM) ?? []).map((pem) => new X509Certificate(pem));
    if (found.length > 0) return found;
    say.found('certificate.unreadable', { what: `${certificate} (${name}) holds no PEM certificate`, fix: `openssl x509 -in ${word(certificate)} -noout -subject -dates`, evidence: { path: certificate } });
  } catch (error) {
    if (isDenied(error)) say.unseen('not all certificates may be read by you: run it as root', 'certificate.unreadable');
    else say.found('certificate.unreadable', { what: `${certificate} (${name}) cannot be used: ${(error as Error).message}`, fix: `openssl x509 -in ${word(certificate)} -noout -subject -dates`, evidence: { path: certificate } });
  }
  return null;
}

/** Only whether it fits; nothing of the key is kept or shown. */
function judgeKey({ name, certificate, key, ours }: Held, leaf: X509Certificate, { founded }: Patient, say: Say<Code>): void {
  if (key === null || (!existsSync(key) && ours && !founded)) return;
  try {
    if (leaf.checkPrivateKey(createPrivateKey(readRegular(key)))) return;
    say.found('certificate.key', { what: `${key} is not the key of ${certificate} (${name})`, fix: ours ? `rm ${word(certificate)} (it is issued again at the next start)` : `openssl x509 -in ${word(certificate)} -noout -pubkey (find the key with this public part, or have it issued again)`, evidence: { certificate, key } });
  } catch (error) {
    if (isDenied(error)) return say.unseen('not all keys may be read by you: run it as root', 'certificate.key');
    say.found('certificate.unreadable', { what: `${key}, the key of ${name}, cannot be used (${(error as NodeJS.ErrnoException).code ?? 'it is no key'})`, fix: ours ? `rm -f ${word(key)} ${word(certificate)} (both are made again at the next start)` : `openssl pkey -in ${word(key)} -noout -check`, evidence: { path: key } });
  }
}

function rootsOf(paths: Layout, config: Config | null): X509Certificate[] {
  return [paths.ca, ...(config?.gateway.tls.clientCa === undefined ? [] : [config.gateway.tls.clientCa])].flatMap((path) => {
    try {
      return (readRegular(path).toString('utf8').match(PEM) ?? []).map((pem) => new X509Certificate(pem));
    } catch {
      return [];
    }
  });
}

/** Each must be issued by the next; the last by itself, or by a root that somebody knows. */
function judgeChain({ certificate }: Held, chain: readonly X509Certificate[], roots: readonly X509Certificate[], say: Say<Code>): void {
  const last = chain.at(-1)!;
  const broken = chain.findIndex((one, at) => at + 1 < chain.length && !one.checkIssued(chain[at + 1]!));
  if (broken !== -1) {
    const { subject, issuer } = chain[broken]!;
    return say.found('certificate.chain', { what: `in ${certificate} "${line(subject)}" is not followed by its issuer "${line(issuer)}"`, fix: `cat server.pem intermediate.pem > ${word(certificate)} (the server's first, then each one's issuer)`, evidence: { path: certificate, missing: line(issuer) } });
  }
  if (last.checkIssued(last) || roots.some((root) => last.checkIssued(root))) return;
  say.found('certificate.chain', { what: `${certificate} ends with a certificate of "${line(last.issuer)}", which is not in it and no root that this machine knows`, fix: `cat intermediate.pem >> ${certificate} (unless that is a root that your senders have)`, evidence: { path: certificate, missing: line(last.issuer) } });
}

function judgeNames({ certificate, ours }: Held, leaf: X509Certificate, wanted: readonly string[], say: Say<Code>): void {
  const missing = wanted.filter((name) => (isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)) === undefined);
  if (missing.length > 0) say.found('certificate.names', { what: `${certificate} does not have ${missing.join(', ')}`, fix: ours ? 'npm start (a name that is new in the configuration is put in at the next start)' : 'have it issued again with that name, or take the name out of gateway.serverNames', evidence: { path: certificate, missing: missing.join(', ') } });
}

function sayExpiring({ name, certificate, ours }: Held, leftMs: number, say: Say<Code>): void {
  say.found('certificate.expiring', { what: `${name} (${certificate}) ends in ${duration(leftMs)}`, fix: ours ? 'strongroom status (while it runs they are renewed each hour; events "supervisor.renewal-failed" say why not)' : 'have it issued again, put it in its place, and start again', evidence: { path: certificate, leftMs } });
}

/** All of one kind in one finding: a clock that is off makes all of them so at once. */
function sayTimes(over: readonly string[], early: readonly string[], { nowMs }: Patient, say: Say<Code>): void {
  const now = new Date(nowMs).toISOString();
  if (over.length > 0) say.found('certificate.expired', { what: `expired at ${now}: ${over.join('; ')}`, fix: 'date -u (is that right? then: npm start, which renews ours; have yours issued again)', evidence: { count: over.length, now } });
  if (early.length > 0) say.found('certificate.not-yet-valid', { what: `not yet valid at ${now}: ${early.join('; ')}`, fix: 'date -u (set the clock: chronyc makestep, or timedatectl set-ntp true)', evidence: { count: early.length, now } });
}

function isDenied(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 16).replace('T', ' ');
}

function line(name: string): string {
  return name.replaceAll('\n', ', ');
}
