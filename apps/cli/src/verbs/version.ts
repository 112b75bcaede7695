// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeValue } from '../output.ts';
import { EXIT, verb } from '../verb.ts';

export const version = verb({
  arguments: [],
  options: {},
  examples: [{ command: 'strongroom version -o json', what: 'For a report of a problem' }],
  async run(call) {
    const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../../../package.json'), 'utf8')) as { version: string };
    const value = { strongroom: manifest.version, node: process.versions.node, openssl: process.versions.openssl, platform: `${process.platform}-${process.arch}` };
    await writeValue(call, value, () => [`strongroom ${value.strongroom} (Node ${value.node}, OpenSSL ${value.openssl}, ${value.platform})`]);
    return EXIT.ok;
  },
});
