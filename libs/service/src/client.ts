// SPDX-License-Identifier: Apache-2.0
// What a program needs that asks services and is none, such as the command line. It loads in a few milliseconds: nothing here
// imports evidence when it runs.
export type { Config } from './config-schema.ts';
export type * from './control.ts';
export * from './durable.ts';
export * from './events.ts';
export * from './file-flags.ts';
export * from './identity.ts';
export * from './layout.ts';
export * from './messages.ts';
export * from './port-holder.ts';
export * from './process-check.ts';
export type * from './rack-facts.ts';
export * from './registry.ts';
export * from './retention.ts';
export { RETENTION_PRESETS, type RetentionPreset } from './retention-presets.table.ts';
export * from './rpc-client.ts';
export * from './rpc-lines.ts';
export * from './socket-path.ts';
export * from './spiffe.ts';
export * from './wanted-ports.ts';
