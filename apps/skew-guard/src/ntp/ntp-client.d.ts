// SPDX-License-Identifier: Apache-2.0
// What is used of ntp-client 0.5.3, which has no types.
declare module 'ntp-client' {
  const client: {
    /** For all of the process, ms. */
    ntpReplyTimeout: number;
    /** The server's transmit time, cut off to milliseconds; `error` is a text or an error. */
    getNetworkTime(server: string, port: number, callback: (error: unknown, date: Date | null) => void): void;
  };
  export default client;
}
