// SPDX-License-Identifier: Apache-2.0
export { RECORD_BYTES_DEFAULT, type Framer, type RecordSink, type StreamClose, type StreamEnd } from './framer.ts';
export type { CutRecord } from './unfinished-record.ts';
export { SyslogFramer } from './syslog.ts';
export { RelpSession, relpServerClose } from './relp-session.ts';
export { DIGEST_BYTES, formDigests } from './sent-forms.ts';
export { claimedTime, type ClaimedTime } from './claimed-time.ts';
