// SPDX-License-Identifier: Apache-2.0
// An entry of its own, '@strongroom/service/compiled-code', which imports nothing of ours: what is loaded after it, is
// loaded compiled.
import { statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

/**
 * Two thirds of a program's start-up go into compiling again what has not changed. The supervisor keeps a cache in a home;
 * what stands in one is run, so it is used only where nobody but us could have written it.
 */
export function useCompiledCode(home: string): void {
  const directory = join(home, 'run/code-cache');
  const facts = statSync(directory, { throwIfNoEntry: false });
  if (facts !== undefined && facts.uid === process.getuid?.() && (facts.mode & 0o022) === 0) enableCompileCache(directory);
}
