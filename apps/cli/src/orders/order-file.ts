// SPDX-License-Identifier: Apache-2.0
// Orders as files, and who may sign them.
import { X509Certificate, createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { ORDER_FILE_BYTES_MAX, approve, custodianOf, decodeOrderFile, encodeOrderFile, type OrderFile } from '@strongroom/evidence';
import { writeDurably } from '@strongroom/service/client';

/** Throws `Refused`: `order.malformed`, `approval.malformed`. */
export function readOrderFile(path: string): OrderFile {
  const { size } = statSync(path);
  if (size > ORDER_FILE_BYTES_MAX) throw new Refused('order.malformed', `${path} is no order`, { why: `it has ${size} octets, the limit is ${ORDER_FILE_BYTES_MAX}`, fix: 'name the file that was drawn up' });
  return decodeOrderFile(readFileSync(path));
}

export function writeOrderFile(path: string, file: OrderFile): Promise<void> {
  return writeDurably(path, encodeOrderFile(file), 0o644);
}

export interface CustodianIdentity {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  /** The CA's certificate (DER) that came with it; null when the directory has none. */
  readonly authority: Buffer | null;
}

/** A directory that "strongroom enrol NAME --role custodian" wrote. Throws `Refused`: `approve.no-identity`, `approval.custodian`. */
export function custodianIdentity(directory: string): CustodianIdentity {
  const read = (name: string): Buffer => readFileSync(join(directory, name));
  try {
    const certificate = new X509Certificate(read('cert.pem'));
    custodianOf(certificate);
    return { certificate, key: createPrivateKey(read('key.pem')), authority: authorityIn(directory) };
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused('approve.no-identity', `there is no custodian's identity in ${directory}`, {
      why: (error as Error).message, fix: 'give the directory that "strongroom enrol NAME --role custodian --out DIR" wrote', cause: error,
    });
  }
}

function authorityIn(directory: string): Buffer | null {
  try {
    return new X509Certificate(readFileSync(join(directory, 'ca.pem'))).raw;
  } catch {
    return null;
  }
}

/**
 * The order with one approval more. Throws `Refused`: `approve.authority` (drawn up for another CA than the identity's),
 * `approve.expired`, `approve.twice`, and what `approve` throws.
 */
export function withApproval(file: OrderFile, { certificate, key, authority }: CustodianIdentity, now: bigint): OrderFile {
  const { id } = custodianOf(certificate);
  if (authority !== null && !authority.equals(file.order.authority)) {
    throw new Refused('approve.authority', 'the order is not of the deployment that you are a custodian of', { why: 'it names another CA than the ca.pem beside your certificate' });
  }
  if (now > file.order.expires) throw new Refused('approve.expired', 'the order has expired', { why: 'orders are approved and carried out within their time', fix: 'have it drawn up again' });
  if (file.approvals.some(({ custodian }) => custodian === id)) throw new Refused('approve.twice', `${id} has approved this order already`, { why: 'it takes two different custodians', fix: 'have another custodian approve it' });
  return { ...file, approvals: [...file.approvals, approve(file.text, certificate, key, now)] };
}
