// SPDX-License-Identifier: Apache-2.0
// What a program needs that asks services and is none, such as the command line. It loads in a few milliseconds: nothing here
// imports evidence when it runs.
export * from './calls/rpc-client.ts';
export * from './calls/rpc-lines.ts';
export type { Config } from './config/config-schema.ts';
export * from './config/port-holder.ts';
export { RETENTION_PRESETS, type RetentionPreset } from './config/retention-presets.table.ts';
export * from './config/retention.ts';
export * from './config/wanted-ports.ts';
export type * from './facts/clock-facts.ts';
export type * from './facts/control.ts';
export * from './facts/events.ts';
export type * from './facts/messages.ts';
export type * from './facts/rack-facts.ts';
export type * from './facts/vault-facts.ts';
export * from './files/durable.ts';
export * from './files/file-flags.ts';
export * from './files/layout.ts';
export * from './files/socket-path.ts';
export * from './identity/identity.ts';
export * from './identity/registry.ts';
export * from './identity/spiffe.ts';
export * from './life/process-check.ts';
