// SPDX-License-Identifier: Apache-2.0
import { Failed } from '@strongroom/bytes';
import { logName, logNumber } from '@strongroom/evidence';
import { readIfThere } from './durable.ts';
import type { Layout } from './layout.ts';

/** The name of the home's log: what state/log says where an earlier one was given up. Throws `Failed('home.log-name')`. */
export function logOrigin({ logName: path }: Pick<Layout, 'logName'>, deployment: string, read: (path: string) => string | null = readIfThere): string {
  const text = read(path)?.trim() ?? logName(deployment);
  if (logNumber(text, deployment) !== null) return text;
  throw new Failed('home.log-name', `${path} names no log of ${deployment}`, { why: `it says "${text.slice(0, 100)}"`, fix: 'restore it from a backup' });
}
