// SPDX-License-Identifier: Apache-2.0
import { overview, verbHelp } from '../help.ts';
import { json } from '../printable.ts';
import { verbNamed } from '../run.ts';
import { EXIT, GLOBAL_OPTIONS, loaded, verb } from '../verb.ts';

export const help = verb({
  arguments: [{ name: 'verb', description: 'The verb to explain; without it all are listed', required: false }],
  options: {},
  examples: [{ command: 'strongroom help search', what: 'Everything about one verb' }],
  async run({ arguments: { verb: name }, format, io, verbs }) {
    const chosen = name === undefined ? undefined : await loaded(verbNamed(name, verbs));
    if (format === 'table') await io.out.write(chosen === undefined ? overview(verbs, io.out.style) : verbHelp(chosen, io.out.style));
    else await io.out.write(`${json(chosen ?? { options: GLOBAL_OPTIONS, verbs: await Promise.all(verbs.map(loaded)) })}\n`); // functions are left out by JSON
    return EXIT.ok;
  },
});
