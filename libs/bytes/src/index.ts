// SPDX-License-Identifier: Apache-2.0
export { Bug, Failed, Refused, invariant, type ErrorFacts } from './errors.ts';
export { ByteReader } from './reader.ts';
export { ByteWriter } from './writer.ts';
export * from './der.ts';
