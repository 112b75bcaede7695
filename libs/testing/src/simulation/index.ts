// SPDX-License-Identifier: Apache-2.0
export * from './disk-image.ts';
export * from './seeded.ts';
export * from './simulated-custodians.ts';
export * from './simulated-disk.ts';
export * from './simulated-hsm.ts';
export * from './simulated-link.ts';
export * from './simulated-service.ts';
export * from './simulated-time.ts';
export * from './store-view.ts';
