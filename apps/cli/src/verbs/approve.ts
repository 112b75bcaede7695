// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import { custodianIdentity, readOrderFile, withApproval, writeOrderFile } from '../orders/order-file.ts';
import { verb } from '../verb.ts';
import { show } from './order.ts';

export const approve = verb({
  details: [
    'Shows the order and adds your approval to its file: your signature over the order, your name, your certificate and the time. '
      + 'Two different custodians must approve before it is carried out. It needs no service and no network: the file can be '
      + 'carried to the machine on which your key lies, and back.',
  ],
  arguments: [{ name: 'file', description: 'The file of the order', required: true }],
  options: { identity: { kind: 'text', value: 'DIR', description: "Directory with a custodian's cert.pem and key.pem; it must be given" } },
  examples: [{ command: 'strongroom approve rollback.order --identity ./clara', what: 'As clara; then another custodian does the same' }],
  async run(call) {
    const { file } = call.arguments;
    if (call.options.identity === undefined) {
      throw new Refused('usage.identity', 'an approval is somebody\'s', { why: 'no identity is given', fix: `strongroom approve ${file} --identity DIR` });
    }
    const approved = withApproval(readOrderFile(file), custodianIdentity(call.options.identity), call.io.now());
    await writeOrderFile(file, approved);
    return show(call, approved);
  },
});
