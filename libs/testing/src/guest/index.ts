// SPDX-License-Identifier: Apache-2.0
export { guestMissing, runGuest, type GuestOptions } from './guest.ts';
export { cutPower, loggedBytes, readWriteLog, type LoggedWrite } from './write-log.ts';
