// SPDX-License-Identifier: Apache-2.0
// A running PKCS#11 module and the tokens in it. Its calls block, which is why this is a process of its own.
import { Failed, Refused } from '@strongroom/bytes';
import { CKF, CKM, CKR, CKU } from './cryptoki.table.ts';
import { guarded, load, type Handle, type PKCS11 } from './cryptoki.ts';
import { returnValue } from './token-error.ts';
import { Token } from './token.ts';

const LABEL_OCTETS = 32;
const NEEDED = [
  ['CKM_EC_EDWARDS_KEY_PAIR_GEN', CKM.EC_EDWARDS_KEY_PAIR_GEN], ['CKM_EDDSA', CKM.EDDSA], ['CKM_EC_KEY_PAIR_GEN', CKM.EC_KEY_PAIR_GEN],
  ['CKM_ECDSA', CKM.ECDSA], ['CKM_AES_KEY_GEN', CKM.AES_KEY_GEN], ['CKM_AES_GCM', CKM.AES_GCM],
] as const;

/** What a token must offer. */
export const MECHANISMS: readonly string[] = NEEDED.map(([name]) => name);

/** A module that runs, from C_Initialize to C_Finalize. One at a time: its state belongs to the process. */
export class Module {
  readonly #api: PKCS11;
  readonly #description: string;
  readonly #tokens: Token[] = [];

  /** Throws `Refused('keys.module')` when it cannot be loaded, `Failed('keys.hsm-away')` when it does not start. */
  constructor(path: string) {
    this.#api = load(path);
    this.#description = guarded('C_Initialize', () => {
      initialize(this.#api);
      const { manufacturerID, libraryDescription, libraryVersion } = this.#api.C_GetInfo();
      return `${text(manufacturerID)}, ${text(libraryDescription)} ${libraryVersion.major}.${libraryVersion.minor}`;
    });
  }

  get description(): string {
    return this.#description;
  }

  /** Whether there is a token of this label. */
  has(label: string): boolean {
    return guarded('C_GetSlotList', () => this.#slots(label).length > 0);
  }

  /**
   * Makes a token: an empty slot's, or over the one that already has the label, whose keys are then gone.
   * Throws what {@link tokenError} makes of it.
   */
  makeToken(label: string, soPin: string, pin: string): void {
    guarded('C_InitToken', () => {
      const slot = this.#slots(label)[0] ?? this.#emptySlot();
      this.#api.C_InitToken(slot, soPin, label.padEnd(LABEL_OCTETS));
      const session = this.#api.C_OpenSession(slot, CKF.SERIAL_SESSION | CKF.RW_SESSION);
      this.#api.C_Login(session, CKU.SO, soPin);
      this.#api.C_InitPIN(session, pin);
      this.#api.C_CloseAllSessions(slot);
    });
  }

  /** Throws `Failed('keys.hsm-away')` when there is no such token, `Refused`: `keys.pin`, `keys.mechanism`, `keys.token-ambiguous`. */
  open(label: string, pin: string): Token {
    return guarded('C_OpenSession', () => {
      const slots = this.#slots(label);
      if (slots[0] === undefined) throw new Failed('keys.hsm-away', `there is no token "${label}"`, { why: `the module (${this.#description}) shows none of that label`, fix: 'connect the HSM, or set keys.tokenLabel; it is tried again by itself' });
      if (slots.length > 1) throw new Refused('keys.token-ambiguous', `${slots.length} tokens have the label "${label}"`, { fix: 'give each token a label of its own' });
      requireMechanisms(this.#api, slots[0], label);
      const { serialNumber, manufacturerID, model, firmwareVersion } = this.#api.C_GetTokenInfo(slots[0]);
      const token = new Token(this.#api, login(this.#api, slots[0], pin), {
        label, serial: text(serialNumber), moduleDescription: this.#description, model: `${text(manufacturerID)} ${text(model)}`,
        firmware: `${firmwareVersion.major}.${firmwareVersion.minor}`, mechanisms: this.#api.C_GetMechanismList(slots[0]).length,
      });
      this.#tokens.push(token);
      return token;
    });
  }

  /** Ends every session and the module. Never throws: what is already gone needs no closing. */
  close(): void {
    for (const token of this.#tokens) token.end();
    try {
      this.#api.C_Finalize();
    } catch {
      // The module lost its device or its files; there is nothing left to end.
    }
  }

  #slots(label: string): Handle[] {
    return this.#api.C_GetSlotList(true).filter((slot) => {
      const info = this.#api.C_GetTokenInfo(slot);
      return (info.flags & CKF.TOKEN_INITIALIZED) !== 0 && text(info.label) === label;
    });
  }

  #emptySlot(): Handle {
    const slot = this.#api.C_GetSlotList(true).find((one) => (this.#api.C_GetTokenInfo(one).flags & CKF.TOKEN_INITIALIZED) === 0);
    if (slot !== undefined) return slot;
    throw new Failed('keys.hsm-away', 'the module has no empty slot for a token');
  }
}

function initialize(api: PKCS11): void {
  try {
    api.C_Initialize({ flags: CKF.OS_LOCKING_OK });
  } catch (error) {
    if (returnValue(error) !== CKR.CRYPTOKI_ALREADY_INITIALIZED) throw error;
  }
}

function requireMechanisms(api: PKCS11, slot: Handle, label: string): void {
  const offered = new Set(api.C_GetMechanismList(slot));
  const missing = NEEDED.filter(([, number]) => !offered.has(number)).map(([name]) => name);
  if (missing.length === 0) return;
  throw new Refused('keys.mechanism', `the token "${label}" cannot do what is needed`, {
    why: `it lacks ${missing.join(', ')}`, fix: 'use a module with Ed25519, ECDSA P-256 and AES-GCM',
  });
}

function login(api: PKCS11, slot: Handle, pin: string): Handle {
  const session = api.C_OpenSession(slot, CKF.SERIAL_SESSION | CKF.RW_SESSION);
  try {
    api.C_Login(session, CKU.USER, pin);
  } catch (error) {
    if (returnValue(error) !== CKR.USER_ALREADY_LOGGED_IN) throw error;
  }
  return session;
}

/** Fields of PKCS#11 are padded with blanks; some modules pad with NUL. */
function text(field: string): string {
  return field.replace(/[\0 ]+$/, '');
}
