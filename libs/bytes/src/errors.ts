// SPDX-License-Identifier: Apache-2.0

/** What every error of ours carries, so that nobody parses text and the command line can print three lines. */
export interface ErrorFacts {
  /** Why: the measured value against the limit, or the cause in words. */
  readonly why?: string;
  /** What to do next: one sentence or an exact command. */
  readonly fix?: string;
  readonly cause?: unknown;
  readonly fields?: Readonly<Record<string, string | number | bigint | boolean | null>>;
}

abstract class CodedError extends Error {
  /** A literal such as `wire.relp.frame-too-long`: area, subject, what is wrong. */
  readonly code: string;
  readonly why: string | undefined;
  readonly fix: string | undefined;
  readonly fields: NonNullable<ErrorFacts['fields']>;

  constructor(code: string, what: string, facts: ErrorFacts = {}) {
    super(what, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.why = facts.why;
    this.fix = facts.fix;
    this.fields = facts.fields ?? {};
  }
}

/** Their input is not acceptable: hostile or mistaken bytes, a wrong argument, a missing right. */
export class Refused extends CodedError {
  override readonly name = 'Refused';
}

/** Our world failed: disk, peer, clock, HSM. The same input may succeed later. */
export class Failed extends CodedError {
  override readonly name = 'Failed';
}

/** An invariant of ours does not hold. Stop rather than go on. */
export class Bug extends CodedError {
  override readonly name = 'Bug';
}

/** Throws {@link Bug} unless the invariant holds. */
export function invariant(holds: boolean, code: string, what: string): asserts holds {
  if (!holds) throw new Bug(code, what);
}
