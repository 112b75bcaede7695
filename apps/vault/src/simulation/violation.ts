// SPDX-License-Identifier: Apache-2.0

/** Something that must not be, whatever the disk did: a bug of the vault. */
export class Violation extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'Violation';
  }
}

/** An error with its code, reason and cause in one line. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, why, cause } = error as { code?: string; why?: string; cause?: unknown };
  return [code, error.message, why, cause instanceof Error ? `caused by ${describe(cause)}` : '', code === undefined ? error.stack : ''].filter(Boolean).join(': ');
}
