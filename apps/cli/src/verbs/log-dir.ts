// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { writeValue } from '../output.ts';
import { EXIT, verb } from '../verb.ts';

export const logDir = verb({
  details: [
    'The directory conforms to C2SP tlog-tiles at every instant, also while Strongroom runs: tools that know nothing of '
      + 'Strongroom can read and check it.',
  ],
  arguments: [],
  options: {},
  examples: [{ command: 'cat "$(strongroom log-dir)/checkpoint"', what: 'The signed checkpoint' }],
  async run(call) {
    const path = call.paths.log;
    if (!existsSync(join(path, 'checkpoint'))) {
      throw new Failed('home.no-log', `there is no log in ${call.paths.home}`, {
        why: `${join(path, 'checkpoint')} is not there`, fix: 'start Strongroom with "npm start", or name its home with --home DIR',
      });
    }
    await writeValue(call, { logDir: path }, () => [path]);
    return EXIT.ok;
  },
});
