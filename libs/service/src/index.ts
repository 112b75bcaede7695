// SPDX-License-Identifier: Apache-2.0
// Configuration has an entry of its own, '@strongroom/service/config': its schema library is large, services get theirs ready.
export type { Config } from './config-schema.ts';
export * from './clock.ts';
export * from './context.ts';
export type * from './control.ts';
export * from './durable.ts';
export * from './event-source.ts';
export * from './events.ts';
export * from './exclusive.ts';
export * from './exit.ts';
export * from './file-flags.ts';
export * from './identity.ts';
export * from './layout.ts';
export * from './messages.ts';
export * from './metrics.ts';
export * from './native-hasher.ts';
export * from './notify.ts';
export * from './process-check.ts';
export * from './registry.ts';
export * from './retention.ts';
export { RETENTION_PRESETS, type RetentionPreset } from './retention-presets.table.ts';
export * from './rpc-client.ts';
export * from './rpc-lines.ts';
export * from './rpc-server.ts';
export * from './runtime.ts';
export * from './socket-path.ts';
export * from './spiffe.ts';
export * from './submit.ts';
