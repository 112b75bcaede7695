// SPDX-License-Identifier: Apache-2.0
import { encodeTlogProof, type Proof } from '@strongroom/evidence';
import { openReader } from '../connections.ts';
import { json } from '../printable.ts';
import { writeDurably } from '@strongroom/service/client';
import { EXIT, verb } from '../verb.ts';
import { checkedId, ID_ARGUMENT, IDENTITY_OPTION } from './reading.ts';

export const prove = verb({
  details: [
    'The proof is one JSON file that stands alone: the record with its receipt, the way from it to the root of its batch, '
      + "from the batch to the root of the log, and the signed checkpoint. Whoever has the log's key can check it offline, "
      + 'with "strongroom verify-proof" or by docs/FORMAT.md with other software. Where timestamps are kept, it carries the earliest '
      + 'one that covers the record.',
    'It reveals this one record and nothing of the others. Of a record that was destroyed it shows that its batch was here, how '
      + 'many records it had and from when, and by whose order it is gone.',
    'Where witnesses have cosigned a checkpoint that covers the record, the proof stands under that one, and "strongroom '
      + 'verify-proof --policy FILE" can ask for their quorum. With --tlog-proof the batch\'s entry alone is proven, as a C2SP '
      + 'tlog-proof for tools that know nothing of Strongroom.',
  ],
  arguments: [ID_ARGUMENT],
  options: { identity: IDENTITY_OPTION, out: { kind: 'text', value: 'FILE', description: 'Write to a file, readable by you alone, instead of stdout' }, 'tlog-proof': { kind: 'flag', description: 'Write a C2SP tlog-proof of the entry that holds the record' } },
  examples: [{ command: 'strongroom prove 42-7 --out p.json', what: 'Then: strongroom verify-proof p.json' }],
  async run(call) {
    const id = checkedId(call.arguments.id);
    const { out } = call.options;
    const { client } = await openReader(call.paths, call.options.identity);
    try {
      const proof = (await client.call('prove', { id })) as Proof;
      const tlog = call.options['tlog-proof'];
      if (out === undefined) {
        await call.io.out.write(tlog ? tlogProof(proof) : `${call.format === 'table' ? JSON.stringify(proof, null, 2) : json(proof)}\n`);
      } else {
        await writeDurably(out, tlog ? tlogProof(proof) : `${JSON.stringify(proof, null, 2)}\n`, 0o600);
        await call.io.err.write(`The proof of ${id} is in ${out}. Check it with: ${tlog ? 'any tool that reads C2SP tlog-proofs' : `strongroom verify-proof ${out}`}\n`);
        if (call.format !== 'table') await call.io.out.write(`${json({ id, file: out })}\n`);
      }
      return EXIT.ok;
    } finally {
      client.close();
    }
  },
});

function tlogProof({ checkpoint, entry: { index, bytes, path } }: Proof): string {
  return encodeTlogProof({ index, checkpoint, extra: Buffer.from(bytes, 'base64'), path: path.map((node) => Buffer.from(node, 'base64')) });
}
