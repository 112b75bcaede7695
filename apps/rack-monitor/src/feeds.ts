// SPDX-License-Identifier: Apache-2.0
// What feeds this appliance. What befalls it is marked in its record, so that a gap can be held against it later.
import type { RackDeviceConfig } from '@strongroom/service';
import type { Told } from './records.ts';

export class Feeds {
  readonly #places: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(devices: Readonly<Record<string, RackDeviceConfig>>) {
    this.#places = new Map(Object.entries(devices).filter(([, { feeds = [] }]) => feeds.length > 0).map(([name, { feeds }]) => [name, new Set(feeds)]));
  }

  /** Marks what is told of a part that feeds us, or of its device as a whole, with how many devices do. */
  of(device: string, { type, of, place }: Told): { readonly feeds?: number } {
    const places = this.#places.get(device);
    return places !== undefined && (type === 'device' || places.has(`${String(of)} ${String(place)}`)) ? { feeds: this.#places.size } : {};
  }
}
