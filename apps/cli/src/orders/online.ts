// SPDX-License-Identifier: Apache-2.0
// An order that the vault draws up, shown and approved in one go.
import { encodeApproval, decodeOrderFile } from '@strongroom/evidence';
import type { RpcClient } from '@strongroom/service/client';
import { writeValue } from '../output.ts';
import { EXIT, type Call } from '../verb.ts';
import { withApproval, type CustodianIdentity } from './order-file.ts';
import { orderLines } from './screen.ts';

/** An order as the vault tells of it. */
export interface OrderRow {
  readonly order: string;
  readonly kind: string;
  readonly subject: string;
  readonly reason: string;
  readonly expires: string;
  readonly approvals: number;
  readonly needed: number;
  readonly custodians: readonly string[];
  readonly approved: boolean;
  readonly failure: string | null;
}

/** Has the order drawn up, or the waiting one shown, and sends this custodian's approval of it. */
export async function approveOnline(call: Pick<Call, 'format' | 'io'>, client: RpcClient, custodian: CustodianIdentity, verb: string, args: unknown): Promise<number> {
  const { file } = (await client.call(verb, args)) as { file: string };
  const before = decodeOrderFile(Buffer.from(file));
  const after = withApproval(before, custodian, call.io.now());
  const ordered = (await client.call('approveOrder', { order: before.order.id, approval: encodeApproval(after.approvals.at(-1)!) })) as OrderRow;
  await writeValue(call, ordered, () => [...orderLines(before.order, []).slice(0, -1), ...orderedLines(ordered)]);
  return EXIT.ok;
}

export function orderedLines(ordered: OrderRow): string[] {
  return [
    ...ordered.custodians.map((id) => `  approved by ${id}`),
    ordered.approved ? '  It is approved and is being carried out.' : `  ${ordered.custodians.length} of ${ordered.needed} have approved: another custodian must give the same command.`,
  ];
}
