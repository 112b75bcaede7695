// SPDX-License-Identifier: Apache-2.0
// What rack-monitor answers to `rack`, and its probe prints, for both ends of it.

export interface RackReading {
  readonly quantity: string;
  /** What it is of: a phase, an outlet, a sensor. */
  readonly of: string;
  /** Which of them: the phase where it is known, else the device's index. */
  readonly place: string;
  /** The name that somebody gave it. */
  readonly label: string | null;
  readonly value: number | null;
  readonly unit: string;
  readonly state: string | null;
  readonly oid: string;
}

/** Who answers by SNMPv3. */
export interface RackEngine {
  /** Hexadecimal. */
  readonly id: string;
  /** How often it booted since it was installed, and for how many seconds it has run, RFC 3414 section 2.2. */
  readonly boots: number;
  readonly seconds: number;
}

export interface RackDevice {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly security: string;
  readonly authenticated: boolean;
  readonly state: 'starting' | 'answering' | 'away';
  /** Why it is away. */
  readonly code: string | null;
  readonly why: string | null;
  readonly since: string;
  readonly profiles: readonly string[];
  readonly system: string | null;
  readonly description: string | null;
  readonly engine: RackEngine | null;
  readonly lookedAt: string | null;
  readonly tookMs: number | null;
  readonly intervalMs: number;
}

/** From Documentation/driver-api/thermal: passive slows down, active cools, hot warns, critical switches off. */
export interface RackTrip {
  readonly kind: string;
  readonly celsius: number;
}

export interface RackZone {
  /** `thermal_zone0`, or `hwmon1/temp2`. */
  readonly id: string;
  readonly kind: string;
  /** Null: it has none just now. */
  readonly celsius: number | null;
  /** From the coolest to the hottest. */
  readonly trips: readonly RackTrip[];
}

export interface RackHeat {
  readonly zones: readonly RackZone[];
  /** Over all processors, since the boot; null where they don't count. */
  readonly throttled: { readonly core: number; readonly package: number } | null;
}

export interface TripWarning {
  readonly zone: string;
  readonly kind: string;
  readonly celsius: number;
  readonly trip: RackTrip;
  readonly celsiusPerMinute: number;
  /** 0: it is there. */
  readonly seconds: number;
}

export interface TrapFacts {
  readonly address: string | null;
  readonly believed: number;
  readonly refused: number;
}

/** The answer to `rack`. */
export interface RackAnswer {
  /** Of all devices, also where one was asked for. */
  readonly counts: { readonly answering: number; readonly away: number; readonly readings: number; readonly looks: number; readonly failed: number };
  readonly devices: readonly (RackDevice & { readonly readings: readonly RackReading[]; readonly lasting: readonly string[] })[];
  /** Configured ones that are not asked, because their secrets cannot be used. */
  readonly unusable: readonly string[];
  /** Readings that had no room: ask for a device by its name. */
  readonly left: number;
  readonly heat: RackHeat & { readonly warnings: readonly TripWarning[]; readonly lasting: readonly string[] };
  readonly traps: TrapFacts | null;
}

/** What a probe understood of one device. */
export interface ProbedDevice extends Pick<RackDevice, 'address' | 'port' | 'security' | 'authenticated' | 'engine'> {
  readonly system: string;
  readonly name: string;
  readonly description: string;
  /** `left`: what a profile does not take, and why. */
  readonly profiles: readonly { readonly name: string; readonly title: string; readonly source: string; readonly left: string }[];
  readonly readings: readonly RackReading[];
  readonly tookMs: number;
}
