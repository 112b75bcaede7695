// SPDX-License-Identifier: Apache-2.0
// What is used of systemd-notify 1.0.0, which has no types.
declare module 'systemd-notify' {
  /** Runs the binary of the same name. Rejects with its words, or with the error of starting it. */
  export default function notify(told: { readonly ready?: true; readonly status?: string }): Promise<unknown>;
}
