// SPDX-License-Identifier: Apache-2.0
export { timestampTrust, type TimestampTrust } from './chain.ts';
export { type TimestampRefusal } from './refusal.ts';
export { encodeTimestampRequest, type TimestampRequest } from './request.ts';
export { TIMESTAMP_BYTES_MAX } from './response.ts';
export { verifyTimestamp, type Asked, type Timestamp } from './timestamp.ts';
