// SPDX-License-Identifier: Apache-2.0
// What tests of the booted units share: which there are, and a configuration that gives each of them work.
import type { BootedContainer } from './booted-container.ts';

export const SERVICES = ['supervisor', 'keys', 'vault', 'witness', 'gateway@0', 'capture', 'skew-guard', 'rack-monitor'] as const;

/** The kernel's audit is the initial namespaces' alone, and what else is the whole kernel's is left alone: other tests run beside. */
export const BOOT_CONFIG = {
  capture: { gatherMs: 1000, audit: { enabled: false }, ebpf: { enabled: false }, files: { watch: ['/etc'], executables: false } },
  rack: { traps: { enabled: true, address: '127.0.0.1', port: 11_162 } },
  witness: { serve: { enabled: true, logs: ['elsewhere/log+584dca97+AcmSvfmgMJs7BlDK/2O2mFuIFu2RLujEIpiSxVRi1jI8'] } },
};

/** Native readers too, as far as a container allows: for who has the kernel alone. */
export const LONG_CONFIG = { ...BOOT_CONFIG, capture: { ...BOOT_CONFIG.capture, ebpf: { enabled: true }, files: { watch: ['/etc'] } } };

/** Each service stops answering, power comes again, memory is short: some minutes. */
export function isLong(): boolean {
  return process.env['STRONGROOM_BOOT'] === 'long';
}

export function unitOf(service: string): string {
  return `strongroom-${service}.service`;
}

/** The file of appliance/units. */
export function unitFileOf(service: string): string {
  return unitOf(service.replace(/@.*/, '@'));
}

/** Waits until all do, by sd_notify: a unit of `Type=notify` is "running" once its service has said so itself. Throws `Failed('testing.container')`. */
export async function allRunning(container: BootedContainer): Promise<void> {
  for (const service of SERVICES) {
    await container.until(async () => {
      const { SubState: state, StatusText: status } = await container.show(unitOf(service), 'SubState', 'StatusText');
      return state === 'running' && status === (service === 'supervisor' ? 'collecting' : 'running');
    }, `${service} to run`);
  }
}
