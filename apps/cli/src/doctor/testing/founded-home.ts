// SPDX-License-Identifier: Apache-2.0
// A home as a start leaves it, for tests of checks: certificates of a CA of the test's own, and nobody who runs.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { layout, type Layout } from '@strongroom/service/client';
import type { Check } from '../check.ts';
import { examine, type Diagnosis } from '../examine.ts';
import { MACHINE, patientOf, type Machine, type Patient } from '../patient.ts';

const SERVICES = ['vault', 'gateway', 'capture', 'supervisor', 'operator'] as const;

/** A certificate authority of the test's own. */
interface Authority {
  readonly certificatePem: string;
  issue(wishes: Wishes): Promise<{ readonly certificatePem: string; readonly keyPem: string }>;
}

interface Wishes {
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  readonly usages?: readonly ('client' | 'server')[];
  readonly fromDays?: number;
  readonly toDays?: number;
}

export class FoundedHome implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'strongroom-doctor-'));
  readonly paths: Layout = layout(join(this.directory, 'home'));
  readonly #authority: Authority;
  readonly #config = join(this.directory, 'strongroom.yaml');

  private constructor(authority: Authority) {
    this.#authority = authority;
  }

  static async make(authority: Authority): Promise<FoundedHome> {
    const home = new FoundedHome(authority);
    const { paths } = home;
    for (const path of [paths.log, paths.segments, paths.vaultState, paths.run]) mkdirSync(path, { recursive: true });
    home.write(paths.ca, home.#authority.certificatePem);
    home.write(paths.deployment, 'doctor\n');
    for (const name of SERVICES) await home.issue(name, { uris: [`spiffe://doctor/service/${name}`], toDays: 80 });
    await home.issueServer({ dns: ['localhost'], toDays: 80 });
    home.configure({});
    return home;
  }

  write(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, text);
    chmodSync(path, mode);
  }

  async issue(name: (typeof SERVICES)[number], wishes: Wishes): Promise<void> {
    const { certificatePem, keyPem } = await this.#authority.issue(wishes);
    const { certificate, key } = this.paths.identity(name);
    this.write(certificate, certificatePem);
    this.write(key, keyPem, 0o600);
  }

  async issueServer(wishes: Wishes): Promise<void> {
    const { certificatePem, keyPem } = await this.#authority.issue({ usages: ['server'], ...wishes });
    this.write(this.paths.gatewayServerCertificate, certificatePem);
    this.write(this.paths.gatewayServerKey, keyPem, 0o600);
  }

  /** What stands in the configuration file; ports that nobody asks for are left to the system. */
  configure(value: Readonly<Record<string, unknown>>): void {
    const free = { gateway: { listeners: { syslogTls: { port: 0 }, relpTls: { port: 0 } } }, supervisor: { metrics: { port: 0 } } };
    writeFileSync(this.#config, JSON.stringify({ ...free, ...value }));
  }

  patient(machine: Partial<Machine> = {}, nowMs = Date.now()): Promise<Patient> {
    return patientOf({ paths: this.paths, configFile: this.#config, nowMs, machine: { ...MACHINE, ...machine } });
  }

  /** What it says must do for a shell. */
  async examine(check: Check, machine: Partial<Machine> = {}, nowMs = Date.now()): Promise<Diagnosis> {
    const diagnosis = await examine([check], await this.patient(machine, nowMs));
    for (const { fix } of diagnosis.findings) if (spawnSync('bash', ['-n'], { input: fix }).status !== 0) throw new Error(`no shell takes: ${fix}`);
    return diagnosis;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function codesOf({ findings }: Diagnosis): string[] {
  return findings.map(({ code }) => code);
}
