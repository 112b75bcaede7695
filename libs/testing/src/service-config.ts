// SPDX-License-Identifier: Apache-2.0
// What a service is told at its start. The schema library is large, and most tests need none of it: it is loaded when one does.
import type { Config } from '@strongroom/service';

/** The effective configuration of a test, from a part of it. Throws what `configOf` throws. */
export async function configFor(given: Readonly<Record<string, unknown>>): Promise<Config> {
  const { configOf } = await import('@strongroom/service/config');
  return configOf(given);
}
