// SPDX-License-Identifier: Apache-2.0
// A connection between a service and the vault: messages arrive in order and late, and it may break at any moment, with
// what is on its way lost from some message on.
import type { SimulatedTime } from './simulated-time.ts';

/** The vault's end of it, as a socket looks to the vault. */
export interface LinkLine {
  readonly destroyed: boolean;
  write(bytes: Buffer): void;
  destroy(): void;
}

export interface LinkEnds {
  /** A message arrived at the vault; returns false when the vault refuses it and hangs up. */
  readonly toVault: (bytes: Buffer) => boolean;
  readonly toService: (bytes: Buffer) => void;
  /** The vault hears that the service is gone. */
  readonly vaultLost: () => void;
  readonly serviceLost: () => void;
}

export class SimulatedLink {
  readonly #time: SimulatedTime;
  readonly #latencyMs: () => number;
  #ends: LinkEnds | undefined;
  #isOpen = true;
  #lastToVaultMs = 0;
  #lastToServiceMs = 0;

  constructor(time: SimulatedTime, latencyMs: () => number) {
    [this.#time, this.#latencyMs] = [time, latencyMs];
  }

  attach(ends: LinkEnds): void {
    this.#ends = ends;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** For the vault. */
  get line(): LinkLine {
    const closed = (): boolean => !this.#isOpen;
    return {
      get destroyed() { return closed(); },
      write: (bytes) => { if (this.#isOpen) this.#toService(Buffer.from(bytes)); },
      destroy: () => this.#end(true),
    };
  }

  send(bytes: Buffer): void {
    if (!this.#isOpen) return;
    this.#lastToVaultMs = Math.max(this.#lastToVaultMs, this.#time.nowMs + this.#latencyMs());
    this.#time.after(this.#lastToVaultMs - this.#time.nowMs, () => {
      if (this.#isOpen && this.#ends?.toVault(bytes) === false) this.#end(true);
    });
  }

  #toService(bytes: Buffer): void {
    this.#lastToServiceMs = Math.max(this.#lastToServiceMs, this.#time.nowMs + this.#latencyMs());
    this.#time.after(this.#lastToServiceMs - this.#time.nowMs, () => { if (this.#isOpen) this.#ends?.toService(bytes); });
  }

  /** It breaks: what is on its way is lost, both ends hear of it. */
  break(): void {
    this.#end(true);
  }

  /** The vault's process is dead: what it wrote still arrives up to some message, then the service hears the end. */
  vaultDied(arrivesUntilMs = Infinity): void {
    this.#time.after(Math.max(0, Math.min(this.#lastToServiceMs, arrivesUntilMs) - this.#time.nowMs), () => {
      if (!this.#isOpen) return;
      this.#isOpen = false;
      this.#ends?.serviceLost();
    });
    if (this.#ends !== undefined) this.#ends = { ...this.#ends, toVault: () => true, vaultLost: () => undefined };
  }

  #end(tell: boolean): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (!tell) return;
    this.#time.after(this.#latencyMs(), () => {
      this.#ends?.vaultLost();
      this.#ends?.serviceLost();
    });
  }
}
