// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { restoreBackup, type Restored } from '../backup/restore.ts';
import { writeValue } from '../output.ts';
import { some } from '../quantity.ts';
import { EXIT, verb } from '../verb.ts';

export const restore = verb({
  details: [
    'Every file is held against the manifest first, and nothing is put in place when one is damaged. What is in the home already '
      + 'stays: a registry or a remembered checkpoint that outlived the disk is newer than the backup. Where the home remembers more '
      + 'than the backup has, the next start refuses the store, because those records are lost: see "strongroom recover".',
    'Keys come back with --token DIR, or are in your HSM. Without them the store can be verified and not read, and nothing starts.',
  ],
  arguments: [{ name: 'dir', description: 'The backup', required: true }],
  options: { token: { kind: 'text', value: 'DIR', description: 'What "backup make --with-token DIR" wrote' } },
  examples: [{ command: 'strongroom restore /backup/2026-03-02 --token /safe/token --home /var/lib/strongroom', what: 'Then: npm start, strongroom verify' }],
  async run(call) {
    const directory = resolve(call.arguments.dir);
    const restored = await restoreBackup(call.paths, directory, call.options.token);
    const { manifest: { files, ...manifest }, ...rest } = restored;
    await writeValue(call, { home: call.paths.home, ...manifest, files: files.length, ...rest }, () => restoredLines(call.paths.home, restored));
    return EXIT.ok;
  },
});

function restoredLines(home: string, { manifest, kept, remembered, token }: Restored): string[] {
  return [
    `${home} has the first ${some(manifest.size, 'entry', 'entries')} of ${manifest.origin}, as of ${manifest.createdAt}.`,
    ...(kept.length === 0 ? [] : [`Left as they were: ${kept.join(', ')}.`]),
    ...(token ? [] : ['No token was put back: the HSM of this deployment, or --token, is needed to read and to go on.']),
    ...(remembered === null ? ['Next: npm start, then strongroom verify'] : [
      `This home remembers ${some(remembered, 'entry', 'entries')}: ${remembered - manifest.size} after the backup are lost, and a start refuses the store until two custodians accept that.`,
      'Next: look for a newer copy; else strongroom order accept-rollback FILE --reason TEXT',
    ]),
  ];
}
