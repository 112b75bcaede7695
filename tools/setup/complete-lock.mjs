// SPDX-License-Identifier: Apache-2.0
// `npm run lock`, after dependencies changed: gives package-lock.json an entry for every optional dependency that the
// registry in use does not serve. They are other platforms' builds of tools (nx, oxlint); without entries for them
// `npm ci` refuses the lock file. The entries carry a platform that no machine has, so nothing is ever fetched for them.
// Runs on any Node from 18 on, before the pinned one is there.
import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('../../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8'));
const packages = lock.packages;

for (const [from, { optionalDependencies = {} }] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (!isLocked(from, name)) {
      packages[`node_modules/${name}`] = { version, optional: true, os: ['unsupported'] };
      console.log(`lock: ${name} is not served for this project's platforms: entered as unsupported`);
    }
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);

// Where Node would look for a package from a folder: in its node_modules, then in those of the folders above.
function isLocked(from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    if (packages[folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`]) return true;
    if (folder === '') return false;
  }
}
