// SPDX-License-Identifier: Apache-2.0

/** Where everything is, decided once at the start. */
export interface Place {
  readonly code: string;
  readonly home: string;
  readonly codeCache: string;
  /** Mount point through which services see code and home (view.ts), or null when they use the same paths as we do. */
  readonly view: string | null;
  /** Why services cannot have users of their own here, in words, or null. */
  readonly nominal: string | null;
}
