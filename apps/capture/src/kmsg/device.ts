// SPDX-License-Identifier: Apache-2.0
// /dev/kmsg as the kernel gives it (Documentation/ABI/testing/dev-kmsg): each read(2) is one record,
//   record = priority "," sequence "," microseconds since boot "," flags {"," more} ";" text LF {" " KEY "=" value LF}
// and a reader that was overtaken by the ring gets EPIPE once, then the oldest record that is left.
import { readSync } from 'node:fs';
import { Failed } from '@strongroom/bytes';

/** The kernel formats no longer record than this, and refuses reads into less than a whole one. */
const RECORD_BYTES_MAX = 8192;
const HEADER = /^\d{1,10},(\d{1,15}),\d{1,20},[^;]{0,64};/;
const HEADER_BYTES_MAX = 128;

/** A record's octets; or that there is none now; or that records were overwritten before they were read. */
export type KmsgRead = () => Buffer | 'empty' | 'overwritten';

/** Reads an O_RDONLY|O_NONBLOCK descriptor of /dev/kmsg. The function throws `Failed('kmsg.unreadable')`. */
export function kmsgDevice(descriptor: number): KmsgRead {
  const scratch = Buffer.allocUnsafe(RECORD_BYTES_MAX);
  return () => {
    try {
      const length = readSync(descriptor, scratch, 0, RECORD_BYTES_MAX, null);
      return length === 0 ? 'empty' : Buffer.from(scratch.subarray(0, length));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return 'empty';
      if (code === 'EPIPE') return 'overwritten';
      throw new Failed('kmsg.unreadable', 'kernel messages cannot be read', {
        why: message, fix: 'start Strongroom as root, or give capture CAP_SYSLOG', cause: error,
      });
    }
  };
}

/** The sequence number in a record's header; null if it has no such header. */
export function kmsgSequence(record: Buffer): number | null {
  const match = HEADER.exec(record.toString('latin1', 0, HEADER_BYTES_MAX));
  return match === null ? null : Number(match[1]);
}
