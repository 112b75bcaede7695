// SPDX-License-Identifier: Apache-2.0
// Two addresses at which one engine answers. An engine's id is its device's alone, and its keys are made of it: so either somebody
// passes on what another device says, or two devices were set up as copies of one, whose keys are the same.

export interface Twin {
  readonly name: string;
  readonly target: { readonly address: string };
  readonly engine: { readonly id: string } | null;
}

export class Twins {
  readonly #told = new Set<string>();

  /** Pairs that were not told before. Ports of one address are one machine. */
  take(devices: readonly Twin[]): { readonly device: string; readonly other: string; readonly engine: string }[] {
    const first = new Map<string, Twin>();
    return devices.flatMap((device) => {
      const engine = device.engine?.id;
      if (engine === undefined) return [];
      const other = first.get(engine);
      if (other === undefined) first.set(engine, device);
      if (other === undefined || other.target.address === device.target.address || this.#told.has(`${other.name} ${device.name}`)) return [];
      this.#told.add(`${other.name} ${device.name}`);
      return [{ device: device.name, other: other.name, engine }];
    });
  }
}
