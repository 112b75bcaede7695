// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ApprovalRules } from '@strongroom/evidence';
import { mayApprove, type Layout, type Registry } from '@strongroom/service/client';

/** What this home knows of CA and custodians, where that can be read. */
export function homeRules(paths: Layout, origin: string): ApprovalRules {
  const [ca, registry] = [readOr(paths.ca), readOr(paths.registry)];
  if (ca === null || registry === null) return { origin, authority: null };
  const custodians = (JSON.parse(registry) as Partial<Registry>).custodians ?? {};
  return {
    origin, authority: new X509Certificate(ca).raw,
    mayApprove: (custodian, { created }) => mayApprove({ sources: {}, readers: {}, custodians }, custodian, Number(created / 1_000_000n)),
  };
}

function readOr(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
