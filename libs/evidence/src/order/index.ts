// SPDX-License-Identifier: Apache-2.0
export { approve, checkApproval, custodianOf, decodeApproval, encodeApproval, orderHash, type Approval, type Custodian } from './approval.ts';
export {
  CUSTODIANS_NEEDED, ORDER_FILE_BYTES_MAX, checkApproved, decodeOrderFile, encodeOrderFile, judgeApprovals, newOrderFile,
  type ApprovalRules, type JudgedApproval, type OrderFile,
} from './approved-order.ts';
export { ORDER_KINDS, decodeOrder, encodeOrder, type AcceptRollbackOrder, type DestroyOrder, type Order, type OrderKind, type ReleaseOrder } from './order.ts';
