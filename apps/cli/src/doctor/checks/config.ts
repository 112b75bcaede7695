// SPDX-License-Identifier: Apache-2.0
// The configuration, and the files that it names.
import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '@strongroom/service/client';
import { check } from '../check.ts';
import { word } from '../shell.ts';

export const configCheck = check({
  name: 'config',
  codes: {
    'config.invalid': { severity: 'bad', seen: 'the configuration file cannot be read, or says what is not accepted', why: 'Strongroom does not start with a configuration that it does not understand whole' },
    'config.file-away': { severity: 'bad', seen: 'a file that the configuration names is not there, or may not be read', why: 'what needs it does not start' },
  },
  look({ configFile, config, configFindings, paths }, say) {
    for (const { code, key, what, why, fix } of configFindings) {
      say.found('config.invalid', {
        what: `${configFile}: ${what}`, why, evidence: { file: configFile ?? null, key, kind: code },
        fix: `${code === 'config.file' ? fix : `strongroom config check --config ${word(configFile ?? '')}`} (${fix})`,
      });
    }
    if (config === null) return say.unseen('the configuration is not valid', 'config.file-away');
    for (const [key, path] of namedFiles(config, paths.home)) {
      const error = unreadable(path);
      if (error !== null) say.found('config.file-away', { what: `${key} names ${path}, which cannot be read (${error})`, fix: `ls -l ${word(path)} (or correct ${key})`, evidence: { key, path, error } });
    }
  },
});

function namedFiles({ gateway: { tls }, keys, witness }: Config, home: string): [string, string][] {
  const all: [string, string | undefined][] = [
    ['gateway.tls.certificate', tls.certificate], ['gateway.tls.key', tls.key], ['gateway.tls.clientCa', tls.clientCa], ['keys.pinFile', keys.pinFile],
    ['witness.policy', witness.policy], ['witness.timestamps.ca', witness.timestamps.ca], ['witness.serve.certificate', witness.serve.certificate], ['witness.serve.key', witness.serve.key],
  ];
  return all.flatMap(([key, path]) => (path === undefined ? [] : [[key, resolve(home, path)]]));
}

function unreadable(path: string): string | null {
  try {
    accessSync(path, constants.R_OK);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'error';
  }
}
