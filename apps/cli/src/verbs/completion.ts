// SPDX-License-Identifier: Apache-2.0
import { completionScript, SHELLS, type Shell } from '../completion.ts';
import { json } from '../printable.ts';
import { EXIT, loaded, verb } from '../verb.ts';

export const completion = verb({
  arguments: [{ name: 'shell', description: 'The shell', required: true, choices: SHELLS }],
  options: {},
  examples: [{ command: 'source <(strongroom completion bash)', what: 'Complete verbs and options in this shell' }],
  async run({ arguments: { shell }, format, io, verbs }) {
    const script = completionScript(shell as Shell, await Promise.all(verbs.map(loaded)));
    await io.out.write(format === 'table' ? script : `${json({ shell, script })}\n`);
    return EXIT.ok;
  },
});
