// SPDX-License-Identifier: Apache-2.0
// Numbers of PKCS#11 (OASIS, version 3.0), as far as we use them. Edwards curves came with 3.0; SoftHSM 2.6 has them too.
export const CKA = {
  CLASS: 0x000, TOKEN: 0x001, PRIVATE: 0x002, LABEL: 0x003, KEY_TYPE: 0x100, ID: 0x102, SENSITIVE: 0x103, ENCRYPT: 0x104, DECRYPT: 0x105,
  SIGN: 0x108, VERIFY: 0x10a, VALUE_LEN: 0x161, EXTRACTABLE: 0x162, LOCAL: 0x163, NEVER_EXTRACTABLE: 0x164, ALWAYS_SENSITIVE: 0x165,
  EC_PARAMS: 0x180, EC_POINT: 0x181, HW_FEATURE_TYPE: 0x300, RESET_ON_INIT: 0x301, HAS_RESET: 0x302, VALUE: 0x011,
} as const;

export const CKO = { PUBLIC_KEY: 2, PRIVATE_KEY: 3, SECRET_KEY: 4, HW_FEATURE: 5 } as const;

export const CKM = {
  EC_KEY_PAIR_GEN: 0x1040, ECDSA: 0x1041, EC_EDWARDS_KEY_PAIR_GEN: 0x1055, EDDSA: 0x1057, AES_KEY_GEN: 0x1080, AES_GCM: 0x1087,
} as const;

/** Kinds of hardware features. */
export const CKH = { MONOTONIC_COUNTER: 1 } as const;

export const CKF = { RW_SESSION: 2, SERIAL_SESSION: 4, OS_LOCKING_OK: 2, TOKEN_INITIALIZED: 0x400, USER_PIN_INITIALIZED: 0x8 } as const;

export const CKU = { SO: 0, USER: 1 } as const;

export const CKR = {
  GENERAL_ERROR: 0x05, FUNCTION_FAILED: 0x06, ARGUMENTS_BAD: 0x07, DATA_INVALID: 0x20, DATA_LEN_RANGE: 0x21,
  ENCRYPTED_DATA_INVALID: 0x40, ENCRYPTED_DATA_LEN_RANGE: 0x41, AEAD_DECRYPT_FAILED: 0x42,
  PIN_INCORRECT: 0xa0, PIN_INVALID: 0xa1, PIN_LEN_RANGE: 0xa2, PIN_EXPIRED: 0xa3, PIN_LOCKED: 0xa4,
  USER_ALREADY_LOGGED_IN: 0x100, USER_PIN_NOT_INITIALIZED: 0x102, CRYPTOKI_ALREADY_INITIALIZED: 0x191,
} as const;

/** DER of the curves' parameters: the name that version 3.0 gives the Edwards curve, its object identifier, and P-256's. */
export const CURVE = {
  ed25519Name: Buffer.from('130c656477617264733235353139', 'hex'),
  ed25519Oid: Buffer.from('06032b6570', 'hex'),
  p256: Buffer.from('06082a8648ce3d030107', 'hex'),
} as const;
