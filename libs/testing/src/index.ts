// SPDX-License-Identifier: Apache-2.0
export * from './appliance.ts';
export * from './software-keys.ts';
export * from './built-stream.ts';
export * from './store-builder.ts';
export * from './store-files.ts';
