// SPDX-License-Identifier: Apache-2.0
// What a suite about the kernel's audit begins, and puts back: a directory, rules and limits, an auditd, an appliance.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Auditd, HostAudit, type Appliance } from '@strongroom/testing';

export class AuditedHost {
  readonly root: string;
  readonly host = new HostAudit();
  /** Not started. */
  readonly auditd: Auditd;

  /** `name`: of the suite, for its directory. The audit stays as it is. */
  constructor(name: string) {
    this.root = realpathSync(mkdtempSync(join(tmpdir(), `strongroom-${name}-`)));
    this.auditd = new Auditd(join(this.root, 'auditd'));
  }

  /** Puts the audit back as it was. Without an appliance if none came up. */
  async end(appliance?: Appliance): Promise<void> {
    this.host.remove();
    await this.auditd.stop();
    await appliance?.stop();
    this.host.restore();
    rmSync(this.root, { recursive: true });
  }
}
