// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { checkBackup, type BackupVerdict } from '../backup/check.ts';
import { makeBackup } from '../backup/make.ts';
import { writeValue } from '../output.ts';
import { startProgress } from '../progress.ts';
import { printable } from '../printable.ts';
import { bytes, some } from '../quantity.ts';
import { checksumDirectory } from '../store/knowledge.ts';
import { keptRotations, linkedKeys } from '../store/rotations.ts';
import { verdictLines } from '../store/verdict-screen.ts';
import { EXIT, verb, type Call } from '../verb.ts';
import { chosenVkey, homeVkey } from '../vkey.ts';

const FAULTS_SHOWN = 20;

const options = {
  'with-token': { kind: 'text', value: 'DIR', description: 'make: copy the embedded token and its PINs too, to this directory, which must lie elsewhere' },
  base: { kind: 'text', value: 'DIR', description: 'make: an earlier backup on the same file system; segments that it has are linked, not copied' },
  vkey: { kind: 'text', value: 'FILE|LINE', description: "check: a key of the log that you hold; else the backup's own is believed" },
} as const;
type BackupCall = Call<typeof options, readonly [
  { readonly name: 'action'; readonly description: string; readonly required: true }, { readonly name: 'dir'; readonly description: string; readonly required: true },
]>;

export const backup = verb({
  details: [
    'make writes the store as of its newest published checkpoint, the wrapped data keys, what tells of keys, the registry and '
      + 'the checksums, and a manifest last. Without the token, or your HSM, nobody can read what it holds; everybody can verify it. '
      + '--with-token copies the embedded token to another directory: whoever has both reads everything and signs.',
    'check holds every file against the manifest and verifies the store. "strongroom restore" puts it back.',
  ],
  arguments: [
    { name: 'action', description: 'What to do', required: true, choices: ['make', 'check'] },
    { name: 'dir', description: 'The backup; make wants it empty or not there', required: true },
  ],
  options,
  examples: [
    { command: 'strongroom backup make /backup/2026-03-02 --base /backup/2026-03-01', what: 'Only what is new takes room' },
    { command: 'strongroom backup make /backup/2026-03-02 --with-token /safe/token', what: 'With the embedded token, to another disk' },
    { command: 'strongroom backup check /backup/2026-03-02 --vkey strongroom.vkey', what: 'Whether it can be restored' },
  ],
  exitCodes: { 3: 'check: the backup is damaged' },
  async run(call) {
    return ACTIONS[call.arguments.action as keyof typeof ACTIONS](call);
  },
});

const ACTIONS = { make, check };

async function make(call: BackupCall): Promise<number> {
  const { paths, options: given, io } = call;
  const directory = resolve(call.arguments.dir);
  const progress = startProgress(io.err, 'copying');
  try {
    const keys = linkedKeys(homeVkey(paths), keptRotations(paths.rotations));
    const createdAt = new Date(Number(io.now() / 1_000_000n)).toISOString();
    const plan = { paths, keys, directory, tokenDirectory: given['with-token'], base: given.base, checksums: await checksumDirectory(call), createdAt };
    const facts = await makeBackup(plan, progress.update);
    progress.end();
    await writeValue(call, { directory, ...facts }, () => [
      `${directory} holds the first ${some(facts.size, 'entry', 'entries')} of ${facts.origin}: ${some(facts.segments, 'segment')} (${facts.linked} linked), ${some(facts.dataKeys, 'wrapped data key')}, ${bytes(facts.bytes)}.`,
      `Check it with: strongroom backup check ${directory}`,
    ]);
    if (facts.token) await io.err.write(`${io.err.style('yellow', '!')} ${resolve(given['with-token']!)} holds keys and PINs. Whoever has it and the backup reads everything and signs: keep them in different hands.\n`);
    return EXIT.ok;
  } finally {
    progress.end();
  }
}

async function check(call: BackupCall): Promise<number> {
  const directory = resolve(call.arguments.dir);
  const progress = startProgress(call.io.err, 'checking');
  try {
    const found = checkBackup(directory, call.options.vkey === undefined ? undefined : chosenVkey(call.options.vkey, call.paths), progress.update);
    progress.end();
    const { manifest: { files, ...manifest }, ...rest } = found;
    await writeValue(call, { directory, ...manifest, files: files.length, ...rest }, () => checkedLines(directory, found, call));
    return found.ok ? EXIT.ok : EXIT.evidence;
  } finally {
    progress.end();
  }
}

function checkedLines(directory: string, { ok, manifest, faults, store }: BackupVerdict, call: BackupCall): string[] {
  return [
    ok ? `${directory} is whole: ${some(manifest.files.length, 'file')}, made ${manifest.createdAt} of ${printable(manifest.deployment)}.` : `${directory} is NOT whole.`,
    ...faults.slice(0, FAULTS_SHOWN).map((fault) => `  ${printable(fault)}`), ...(faults.length > FAULTS_SHOWN ? [`  … and ${faults.length - FAULTS_SHOWN} more`] : []),
    '', ...verdictLines({ ...store, compared: call.options.vkey === undefined ? "by the backup's own key: give --vkey to know whose it is" : 'by the key that you gave' }, `${directory}/store`, call.io.out.style),
  ];
}
