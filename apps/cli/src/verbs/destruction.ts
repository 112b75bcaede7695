// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';
import { decodeOrderFile } from '@strongroom/evidence';
import type { RpcClient } from '@strongroom/service/client';
import { openReader } from '../connections.ts';
import { approveOnline, orderedLines, type OrderRow } from '../orders/online.ts';
import { custodianIdentity, readOrderFile, writeOrderFile } from '../orders/order-file.ts';
import { orderReason } from '../orders/reason.ts';
import { orderLines } from '../orders/screen.ts';
import { writeList, writeValue } from '../output.ts';
import { printable } from '../printable.ts';
import { bytes, count } from '../quantity.ts';
import { tableLines } from '../table.ts';
import { EXIT, verb, type Call } from '../verb.ts';
import { CUSTODIAN_OPTION } from './reading.ts';

const options = {
  reason: { kind: 'text', value: 'TEXT', description: 'Why it is destroyed before its time; what is over its time needs none' },
  file: { kind: 'text', value: 'FILE', description: 'With order: where the order is written. With submit: the file that custodians approved' },
  identity: CUSTODIAN_OPTION,
} as const;

type DestructionCall = Call<typeof options, readonly [
  { readonly name: 'action'; readonly description: string; readonly required: true }, { readonly name: 'bucket'; readonly description: string; readonly required: false },
]>;

/** A bucket as the vault tells of it. */
interface Row {
  readonly bucket: string;
  readonly expired: boolean;
  readonly segments: number;
  readonly held: number;
  readonly byHoldAlone: number;
  readonly underWay: boolean;
  readonly records: number;
  readonly bytes: number;
  readonly from: string | null;
  readonly to: string | null;
  readonly order: OrderRow | null;
}

export const destruction = verb({
  details: [
    'What expires in the same month is a bucket, CLASS/YYYY-MM. approve draws up the order to destroy one, or shows the one that '
      + 'waits, and approves it as a custodian; with the approval of a second one the wrapping key is destroyed in the HSM, then the '
      + 'segments are removed. It is an entry of the log, and "strongroom prove" shows afterwards what was here. What a legal hold '
      + 'keeps stays. A bucket that is not over its time can be destroyed too, with a reason.',
    'order and submit do the same by a file, for custodians who approve elsewhere with "strongroom approve FILE".',
    'No copy is reached: snapshots, backups of the store, of secrets/vault and of the HSM, and whatever retention.copies names.',
  ],
  arguments: [
    { name: 'action', description: 'What to do', required: true, choices: ['list', 'approve', 'order', 'submit'] },
    { name: 'bucket', description: 'With approve and order: CLASS/YYYY-MM, as list shows it', required: false },
  ],
  options,
  examples: [
    { command: 'strongroom destruction list', what: 'Buckets, what is held of them, orders that wait' },
    { command: 'strongroom destruction approve default/2026-11 --identity ./clara', what: 'Then another custodian does the same' },
    { command: "strongroom destruction order debug/2027-01 --file erase.order --reason 'erasure request 2026-17'", what: 'For approval elsewhere' },
    { command: 'strongroom destruction submit --file erase.order', what: 'When two custodians have approved it' },
  ],
  async run(call) {
    const { client } = await openReader(call.paths, call.options.identity);
    try {
      return await ACTIONS[call.arguments.action as keyof typeof ACTIONS](call, client);
    } finally {
      client.close();
    }
  },
});

const ACTIONS = { list, approve, order, submit };

async function list(call: DestructionCall, client: RpcClient): Promise<number> {
  const rows = (await client.call('buckets')) as Row[];
  await writeList(call, rows, () => (rows.length === 0 ? ['There is nothing sealed yet.'] : tableLines(
    [{ title: 'BUCKET' }, { title: 'STATE' }, { title: 'SEGMENTS', align: 'right' }, { title: 'HELD', align: 'right' }, { title: 'RECORDS', align: 'right' }, { title: 'SIZE', align: 'right' }, { title: 'RECEIVED' }],
    rows.map((row) => [
      row.bucket, stateOf(row), count(row.segments + row.byHoldAlone), count(row.held + row.byHoldAlone), count(row.records), bytes(row.bytes),
      row.from === null ? '' : `${row.from.slice(0, 10)} to ${row.to!.slice(0, 10)}`,
    ]),
  )));
  return EXIT.ok;
}

function stateOf({ expired, order: waiting, bucket, segments, byHoldAlone, underWay }: Row): string {
  if (waiting !== null && waiting.failure !== null) return `ordered, failed: ${printable(waiting.failure)}`;
  if (underWay) return 'being destroyed';
  if (waiting !== null) return waiting.approved ? 'being destroyed' : `ordered, ${waiting.custodians.length} of ${waiting.needed} approved`;
  if (segments === 0 && byHoldAlone > 0) return 'kept by holds';
  return expired ? 'over its time' : `kept until ${bucket.split('/')[1] ?? ''}`;
}

async function approve(call: DestructionCall, client: RpcClient): Promise<number> {
  const bucket = checkedBucket(call);
  if (call.options.identity === undefined) throw new Refused('usage.identity', 'a destruction is approved by a custodian', { why: 'no identity is given', fix: `strongroom destruction approve ${bucket} --identity DIR` });
  return approveOnline(call, client, custodianIdentity(call.options.identity), 'drawDestroy', { bucket, reason: reasonOf(call) });
}

async function order(call: DestructionCall, client: RpcClient): Promise<number> {
  const [bucket, file] = [checkedBucket(call), checkedFile(call)];
  if (existsSync(file)) throw new Refused('order.exists', `${file} is there already`, { why: 'an order is never written over another', fix: 'choose another name' });
  const drawn = decodeOrderFile(Buffer.from(((await client.call('drawDestroy', { bucket, reason: reasonOf(call) })) as { file: string }).file));
  await writeOrderFile(file, drawn);
  await writeValue(call, { order: drawn.order.id, file }, () => [...orderLines(drawn.order, []), `  It is in ${file}; when it is approved: strongroom destruction submit --file ${file}`]);
  return EXIT.ok;
}

async function submit(call: DestructionCall, client: RpcClient): Promise<number> {
  const file = checkedFile(call);
  readOrderFile(file);
  const ordered = (await client.call('submitOrder', { file: readFileSync(file, 'utf8') })) as OrderRow;
  await writeValue(call, ordered, () => [`Order ${ordered.order} for ${ordered.subject}.`, ...orderedLines(ordered)]);
  return EXIT.ok;
}

function reasonOf(call: DestructionCall): string | undefined {
  return call.options.reason === undefined ? undefined : orderReason(call.options.reason, "--reason 'erasure request 2026-17'");
}

function checkedBucket(call: DestructionCall): string {
  const { bucket } = call.arguments;
  if (bucket !== undefined && /^[a-z0-9-]{1,40}\/\d{4}-\d{2}$/.test(bucket)) return bucket;
  throw new Refused('usage.bucket', 'a destruction names its bucket', { why: 'a bucket is CLASS/YYYY-MM, and goes whole: one key protects all of it', fix: 'take it from "strongroom destruction list"' });
}

function checkedFile(call: DestructionCall): string {
  if (call.options.file !== undefined) return call.options.file;
  throw new Refused('usage.file', 'no file is named', { why: 'an order for approval elsewhere is a file', fix: 'add --file FILE' });
}
