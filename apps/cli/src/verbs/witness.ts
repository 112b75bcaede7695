// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { cosignerVkey } from '@strongroom/evidence';
import { openControl } from '../connections.ts';
import { writeValue } from '../output.ts';
import { EXIT, verb, type Call } from '../verb.ts';

const STANDALONE = join(import.meta.dirname, '../../../witness/src/standalone.ts');

const options = {
  mirror: { kind: 'flag', description: 'With vkey: the key of the mirror instead of the witness\'s' },
  state: { kind: 'text', value: 'DIR', description: 'With serve: where the key and what was cosigned are kept' },
  log: { kind: 'text', value: 'FILE|LINE', description: 'With serve: the log to witness, as "strongroom vkey" prints its key there, or a file with a line for each log' },
  name: { kind: 'text', value: 'NAME', description: 'With serve: the witness\'s name, such as witness.example.com; it stays with its key' },
  'mirror-dir': { kind: 'text', value: 'DIR', description: 'With serve: keep whole copies of the logs and of their segments there, and be their mirror too' },
  listen: { kind: 'text', value: 'ADDRESS:PORT', default: '127.0.0.1:7380', description: 'With serve: where to listen; port 0 takes any free one' },
} as const;

const ACTION = [{ name: 'action', description: 'What to do', required: true, choices: ['vkey', 'serve'] }] as const;

type WitnessCall = Call<typeof options, typeof ACTION>;

export const witness = verb({
  details: [
    '"witness vkey" prints the verifier key line of this appliance\'s witness, which the policies of others name. The key is made '
      + 'in the HSM at the first time.',
    '"witness serve" runs a C2SP tlog-witness by itself, without an appliance: it keeps its key and the checkpoints that it '
      + 'cosigned in a directory, prints its key line, and serves until it is interrupted. Copy nothing of that directory to '
      + 'another machine that serves too: two witnesses with one key can be told two histories.',
  ],
  arguments: ACTION,
  options,
  examples: [
    { command: 'strongroom witness vkey', what: 'For the policy of another appliance' },
    { command: 'strongroom witness serve --state ./witness --name witness.example.com --log strongroom.vkey --listen 0.0.0.0:7380', what: 'A witness on a machine of its own' },
  ],
  async run(call: WitnessCall) {
    return call.arguments.action === 'serve' ? serve(call) : showKey(call);
  },
});

async function showKey(call: WitnessCall): Promise<number> {
  const client = await openControl(call.paths);
  try {
    const answer = (await client.call('witnessKey', { part: call.options.mirror ? 'mirror' : 'witness' })) as { name: string; publicKeySpki: string };
    const vkey = cosignerVkey(answer.name, Buffer.from(answer.publicKeySpki, 'base64'));
    await writeValue(call, { vkey }, () => [vkey]);
    return EXIT.ok;
  } finally {
    client.close();
  }
}

function logsOf(given: string): string[] {
  const text = /\+[0-9a-f]{8}\+/.test(given) ? given : readFileSync(given, 'utf8');
  return text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
}

/** A process of its own: an app never imports another. It talks and ends by itself. */
function serve({ options: { state, log, name, listen, 'mirror-dir': mirror } }: WitnessCall): Promise<number> {
  if (state === undefined || log === undefined || name === undefined) {
    throw new Refused('usage.argument', 'strongroom witness serve needs --state, --name and --log', { why: 'at least one is not given', fix: 'see "strongroom help witness"' });
  }
  const child = spawn(process.execPath, [STANDALONE, JSON.stringify({ state, logs: logsOf(log), name, listen, mirror })], { stdio: 'inherit' });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => pass(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? EXIT.failed));
  });
}
