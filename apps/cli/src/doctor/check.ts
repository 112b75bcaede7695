// SPDX-License-Identifier: Apache-2.0
// What a check is: its codes, which never change their meaning, and how it looks. It changes nothing, and hands out no secret.
import type { Patient } from './patient.ts';

/** `bad`: evidence is not taken, not kept, or soon will not be. `weak`: it works, and production wants it otherwise. */
export type Severity = 'bad' | 'weak';

export interface CodeFacts {
  readonly severity: Severity;
  /** What it means that this code is told; the page of codes says it. */
  readonly seen: string;
  /** Why it matters. */
  readonly why: string;
}

/** What was seen, in figures and names. */
export type Evidence = Readonly<Record<string, string | number | boolean | null>>;

export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  readonly what: string;
  readonly why: string;
  /** A line for a shell: a command, with a comment behind it where it is not plain what it is for. */
  readonly fix: string;
  readonly evidence: Evidence;
}

export interface Found {
  readonly what: string;
  /** A command; behind it, in brackets, what it is for. Names that others have chosen stand in it as words of shell.ts. */
  readonly fix: string;
  readonly evidence?: Evidence;
  /** More than the code says by itself. */
  readonly why?: string;
}

/** What a check says while it looks. */
export interface Say<Code extends string = string> {
  found(code: Code, found: Found): void;
  /** These codes could not be looked for here, and why. */
  unseen(why: string, ...codes: readonly Code[]): void;
}

/** One of the appliance itself, or, with a `Way`, of the way to one from here. */
export interface Check<Subject = Patient, Code extends string = string> {
  readonly name: string;
  readonly codes: Readonly<Record<Code, CodeFacts>>;
  look(subject: Subject, say: Say<Code>): Promise<void> | void;
}

/** Ties what is said to the codes that are declared. */
export function check<const Code extends string, Subject = Patient>(declared: Check<Subject, Code>): Check<Subject> {
  return declared as unknown as Check<Subject>;
}
