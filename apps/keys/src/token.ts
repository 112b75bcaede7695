// SPDX-License-Identifier: Apache-2.0
// An open token: what is done with keys inside it.
import { Failed, Refused } from '@strongroom/bytes';
import { ecPoint, ed25519Spki, p256Spki } from '@strongroom/keys';
import { CKA, CKH, CKM, CKO } from './cryptoki.table.ts';
import { GCM_TAG_OCTETS, gcm, guarded, type Handle, type PKCS11 } from './cryptoki.ts';
import { CURVES, privateTemplate, publicTemplate, searchTemplate, trialTemplate, wrappingTemplate, type Attribute, type KeyName, type PairKind } from './templates.ts';
import { returnValue, saysNotAuthentic, tokenError } from './token-error.ts';

/** Handles asked for at once. */
const FOUND_AT_ONCE = 64;
/** Of one label, or of all keys of a token: beyond that something is badly wrong. */
const FOUND_MAX = 65_536;

export interface TokenFacts {
  readonly label: string;
  readonly serial: string;
  readonly moduleDescription: string;
  /** Manufacturer and model. */
  readonly model: string;
  readonly firmware: string;
  /** How many mechanisms it offers. */
  readonly mechanisms: number;
}

/** Null: the token does not tell. */
export interface KeyAttributes {
  readonly sensitive: boolean | null;
  readonly extractable: boolean | null;
  readonly neverExtractable: boolean | null;
  readonly local: boolean | null;
}

export interface TokenKey {
  readonly label: string;
  /** CKA_ID, hexadecimal. */
  readonly id: string;
  readonly kind: 'private' | 'secret';
  readonly attributes: KeyAttributes;
}

/** A key in an open token. Not valid any more once the token was closed. */
export interface KeyHandle {
  readonly handle: Handle;
  readonly id: Buffer;
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

  /** Takes a key out of the token. */
  destroy(key: KeyHandle): void {
    guarded('C_DestroyObject', () => this.#api.C_DestroyObject(this.#session, key.handle));
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

  /** Whether there was one. Its public half goes too. */
  destroyPrivateKey(label: string): boolean {
    return guarded('C_DestroyObject', () => {
      const found = [...this.#find(CKO.PRIVATE_KEY, label), ...this.#find(CKO.PUBLIC_KEY, label)];
      for (const { handle } of found) this.#api.C_DestroyObject(this.#session, handle);
      return found.length > 0;
    });
  }

  /** Every secret key whose label begins so. */
  wrappingKeysBelow(prefix: string): (KeyHandle & { readonly label: string })[] {
    return guarded('C_FindObjects', () => this.#matching([{ type: CKA.CLASS, value: CKO.SECRET_KEY }]).flatMap((handle) => {
      const [label, id] = this.#api.C_GetAttributeValue(this.#session, handle, [{ type: CKA.LABEL }, { type: CKA.ID }]);
      const text = label!.value.toString('utf8');
      return text.startsWith(prefix) ? [{ handle, id: id!.value, label: text }] : [];
    }));
  }

  /** Every private and secret key whose label begins so, with what the token tells of it. */
  keys(prefix: string): TokenKey[] {
    return guarded('C_GetAttributeValue', () => ([[CKO.PRIVATE_KEY, 'private'], [CKO.SECRET_KEY, 'secret']] as const).flatMap(([keyClass, kind]) =>
      this.#matching([{ type: CKA.CLASS, value: keyClass }]).flatMap((handle) => {
        const [label, id] = this.#api.C_GetAttributeValue(this.#session, handle, [{ type: CKA.LABEL }, { type: CKA.ID }]);
        const text = label!.value.toString('utf8');
        return text.startsWith(prefix) ? [{ label: text, id: id!.value.toString('hex'), kind, attributes: this.#attributes(handle) }] : [];
      })));
  }

  #attributes(handle: Handle): KeyAttributes {
    const told = (type: number): boolean | null => {
      try {
        return this.#api.C_GetAttributeValue(this.#session, handle, [{ type }])[0]!.value[0] === 1;
      } catch {
        return null;
      }
    };
    return { sensitive: told(CKA.SENSITIVE), extractable: told(CKA.EXTRACTABLE), neverExtractable: told(CKA.NEVER_EXTRACTABLE), local: told(CKA.LOCAL) };
  }

  /** Makes a wrapping key that lives as long as the session, and no longer than `use`. */
  withTrialKey<T>(label: string, use: (key: KeyHandle) => T): T {
    const id = Buffer.alloc(8);
    const handle = guarded('C_GenerateKey', () => this.#api.C_GenerateKey(this.#session, { mechanism: CKM.AES_KEY_GEN }, trialTemplate({ label, id })));
    try {
      return use({ handle, id });
    } finally {
      guarded('C_DestroyObject', () => this.#api.C_DestroyObject(this.#session, handle));
    }
  }

  /** Whether the token has a monotonic counter (PKCS#11, hardware feature objects). */
  hasCounter(): boolean {
    return guarded('C_FindObjects', () => {
      try {
        return this.#matching([{ type: CKA.CLASS, value: CKO.HW_FEATURE }, { type: CKA.HW_FEATURE_TYPE, value: CKH.MONOTONIC_COUNTER }]).length > 0;
      } catch (error) {
        // Modules that know no hardware features may refuse to look for them.
        if (returnValue(error) === undefined) throw error;
        this.probe();
        return false;
      }
    });
  }

  /** Throws unless the token answers and still lets us in. */
  probe(): void {
    guarded('C_GetSessionInfo', () => {
      this.#api.C_GetSessionInfo(this.#session);
      this.#api.C_GenerateRandom(this.#session, Buffer.alloc(1));
    });
  }

  #find(keyClass: number, label: string): KeyHandle[] {
    return this.#matching(searchTemplate(keyClass, label)).map((handle) => {
      const [id] = this.#api.C_GetAttributeValue(this.#session, handle, [{ type: CKA.ID }]);
      return { handle, id: id!.value };
    });
  }

  #matching(template: Attribute[]): Handle[] {
    this.#api.C_FindObjectsInit(this.#session, template);
    try {
      const found: Handle[] = [];
      for (;;) {
        const some = this.#api.C_FindObjects(this.#session, FOUND_AT_ONCE);
        found.push(...some);
        if (some.length < FOUND_AT_ONCE || found.length >= FOUND_MAX) return found;
      }
    } finally {
      this.#api.C_FindObjectsFinal(this.#session);
    }
  }
}
