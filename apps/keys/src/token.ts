// SPDX-License-Identifier: Apache-2.0
// A PKCS#11 token: the only file that touches the module. Its calls block, which is why this is a process of its own.
import pkcs11, { type Handle, type PKCS11 } from 'pkcs11js';
import { Failed, Refused } from '@strongroom/bytes';
import { ecPoint, ed25519Spki, p256Spki } from '@strongroom/keys';
import { CKA, CKF, CKM, CKO, CKR, CKU } from './cryptoki.table.ts';
import { CURVES, privateTemplate, publicTemplate, searchTemplate, wrappingTemplate, type KeyName, type PairKind } from './templates.ts';
import { returnValue, saysNotAuthentic, tokenError } from './token-error.ts';

/** Of one label there are never more: one log key, one CA key, one wrapping key for each class and bucket and few leftovers. */
const FOUND_MAX = 64;
const LABEL_OCTETS = 32;
const GCM_TAG_OCTETS = 16;
const NEEDED = [
  ['CKM_EC_EDWARDS_KEY_PAIR_GEN', CKM.EC_EDWARDS_KEY_PAIR_GEN], ['CKM_EDDSA', CKM.EDDSA], ['CKM_EC_KEY_PAIR_GEN', CKM.EC_KEY_PAIR_GEN],
  ['CKM_ECDSA', CKM.ECDSA], ['CKM_AES_KEY_GEN', CKM.AES_KEY_GEN], ['CKM_AES_GCM', CKM.AES_GCM],
] as const;

export const MECHANISMS: readonly string[] = NEEDED.map(([name]) => name);

export interface TokenPlace {
  /** Path of the PKCS#11 module. */
  readonly module: string;
  readonly label: string;
}

export interface TokenFacts {
  readonly label: string;
  readonly serial: string;
  readonly moduleDescription: string;
}

/** A key in an open token. Not valid any more once the token was closed. */
export interface KeyHandle {
  readonly handle: Handle;
  readonly id: Buffer;
}

/** Modules stay loaded: unloading one that has threads of its own would end the process. */
const loaded = new Map<string, PKCS11>();

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
      const { serialNumber } = this.#api.C_GetTokenInfo(slots[0]);
      const token = new Token(this.#api, login(this.#api, slots[0], pin), { label, serial: text(serialNumber), moduleDescription: this.#description });
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

/** An open token with a session that is logged in. Methods throw what {@link tokenError} makes of the module's errors. */
export class Token {
  readonly facts: TokenFacts;
  readonly #api: PKCS11;
  #handle: Handle | undefined;

  constructor(api: PKCS11, session: Handle, facts: TokenFacts) {
    this.#api = api;
    this.#handle = session;
    this.facts = facts;
  }

  /** From here on every call fails: a module hands out the same numbers again for other sessions and keys. */
  end(): void {
    this.#handle = undefined;
  }

  get #session(): Handle {
    if (this.#handle !== undefined) return this.#handle;
    throw new Failed('keys.hsm-away', `the token "${this.facts.label}" was closed`);
  }

  /** Makes a key pair whose private half never leaves the token. */
  makePair(kind: PairKind, name: KeyName): void {
    guarded('C_GenerateKeyPair', () => {
      const mechanism = { mechanism: kind === 'ed25519' ? CKM.EC_EDWARDS_KEY_PAIR_GEN : CKM.EC_KEY_PAIR_GEN };
      let failure: unknown;
      for (const curve of CURVES[kind]) {
        try {
          this.#api.C_GenerateKeyPair(this.#session, mechanism, publicTemplate(name, curve), privateTemplate(name));
          return;
        } catch (error) {
          failure ??= error;
        }
      }
      throw failure;
    });
  }

  /** SubjectPublicKeyInfo (DER) of a pair; undefined when the token has none. */
  publicKey(kind: PairKind, label: string): Buffer | undefined {
    return guarded('C_FindObjects', () => {
      const [found] = this.#find(CKO.PUBLIC_KEY, label);
      if (found === undefined) return undefined;
      const [point] = this.#api.C_GetAttributeValue(this.#session, found.handle, [{ type: CKA.EC_POINT }]);
      return kind === 'ed25519' ? ed25519Spki(ecPoint(point!.value, 32)) : p256Spki(ecPoint(point!.value, 65));
    });
  }

  privateKey(label: string): KeyHandle | undefined {
    return guarded('C_FindObjects', () => this.#find(CKO.PRIVATE_KEY, label)[0]);
  }

  /** Ed25519 signs the message, P-256 the SHA-256 that it is handed. 64 octets. */
  sign(kind: PairKind, key: KeyHandle, data: Buffer): Buffer {
    return guarded('C_Sign', () => {
      this.#api.C_SignInit(this.#session, { mechanism: kind === 'ed25519' ? CKM.EDDSA : CKM.ECDSA }, key.handle);
      return this.#api.C_Sign(this.#session, data, Buffer.alloc(64));
    });
  }

  makeWrappingKey(name: KeyName): void {
    guarded('C_GenerateKey', () => this.#api.C_GenerateKey(this.#session, { mechanism: CKM.AES_KEY_GEN }, wrappingTemplate(name)));
  }

  wrappingKeys(label: string): KeyHandle[] {
    return guarded('C_FindObjects', () => this.#find(CKO.SECRET_KEY, label));
  }

  /** AES-256-GCM: ciphertext with the tag of 16 octets behind it. */
  encrypt(key: KeyHandle, iv: Buffer, aad: Buffer, plain: Buffer): Buffer {
    return guarded('C_Encrypt', () => {
      this.#api.C_EncryptInit(this.#session, gcm(iv, aad), key.handle);
      return this.#api.C_Encrypt(this.#session, plain, Buffer.alloc(plain.length + GCM_TAG_OCTETS));
    });
  }

  /** Throws `Refused('keys.not-authentic')` besides. */
  decrypt(key: KeyHandle, iv: Buffer, aad: Buffer, sealed: Buffer): Buffer {
    guarded('C_DecryptInit', () => this.#api.C_DecryptInit(this.#session, gcm(iv, aad), key.handle));
    try {
      return this.#api.C_Decrypt(this.#session, sealed, Buffer.alloc(sealed.length));
    } catch (error) {
      // The module may mean either; the token still answering tells which.
      if (!saysNotAuthentic(error)) throw tokenError(error, 'C_Decrypt');
      this.probe();
      throw new Refused('keys.not-authentic', 'a wrapped key is not authentic', {
        why: 'the wrapped form, its additional data or the wrapping key is another than when it was made', cause: error,
      });
    }
  }

  /** Throws unless the token answers and still lets us in. */
  probe(): void {
    guarded('C_GetSessionInfo', () => {
      this.#api.C_GetSessionInfo(this.#session);
      this.#api.C_GenerateRandom(this.#session, Buffer.alloc(1));
    });
  }

  #find(keyClass: number, label: string): KeyHandle[] {
    this.#api.C_FindObjectsInit(this.#session, searchTemplate(keyClass, label));
    try {
      return this.#api.C_FindObjects(this.#session, FOUND_MAX).map((handle) => {
        const [id] = this.#api.C_GetAttributeValue(this.#session, handle, [{ type: CKA.ID }]);
        return { handle, id: id!.value };
      });
    } finally {
      this.#api.C_FindObjectsFinal(this.#session);
    }
  }
}

function load(path: string): PKCS11 {
  const before = loaded.get(path);
  if (before !== undefined) return before;
  const api = new pkcs11.PKCS11();
  try {
    api.load(path);
  } catch (error) {
    throw new Refused('keys.module', `the PKCS#11 module ${path} cannot be loaded`, {
      why: (error as Error).message, fix: 'install it ("apt-get install softhsm2" for the embedded one), or name another in keys.module', cause: error,
    });
  }
  loaded.set(path, api);
  return api;
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

function gcm(iv: Buffer, aad: Buffer) {
  return { mechanism: CKM.AES_GCM, parameter: { type: pkcs11.CK_PARAMS_AES_GCM_v240, iv, aad, ivBits: iv.length * 8, tagBits: GCM_TAG_OCTETS * 8 } };
}

/** Fields of PKCS#11 are padded with blanks; some modules pad with NUL. */
function text(field: string): string {
  return field.replace(/[\0 ]+$/, '');
}

function guarded<T>(during: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw tokenError(error, during);
  }
}
