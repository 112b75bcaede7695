// SPDX-License-Identifier: Apache-2.0
export { issueAuthority, issueCertificate, type AuthorityRequest, type Issuer, type LeafRequest } from './certificate.ts';
export { makeRequest, readRequest, readRequestDer } from './csr.ts';
export type { SignEcdsa } from './ecdsa.ts';
export type { Usage } from './extensions.ts';
export { addressOctets, isAddress } from './ip-address.ts';
export { enrolmentFiles, makeKeyPair, publicKeyOf, type EnrolmentFile, type EnrolmentMaterial, type EnrolmentTarget, type KeyKind, type KeyPair } from './enrolment.ts';
export type { AlternativeNames } from './names.ts';
export { pemDecode, pemEncode, type PemLabel } from './pem.ts';
export { acceptPublicKey, ecPoint, ed25519Spki, keyHash, keyIdentifier, p256Spki, type PublicKey } from './public-key.ts';
export {
  keyService, type IssuedCertificate, type CounterFacts, type IssueRequest, type KeyService, type KeyServiceCaller, type KeyServiceInfo, type LogKeyFacts, type LogKeyState,
  type Wrapped,
} from './key-service.ts';
