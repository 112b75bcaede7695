// SPDX-License-Identifier: Apache-2.0
// All checks at once, each with an end: one that hangs or breaks is told as not looked for, and holds up nothing.
import type { Check, Finding, Found, Say, Severity } from './check.ts';
import { pasteable } from './shell.ts';

const CHECK_MS_MAX = 15_000;
const FINDINGS_OF_A_CODE_MAX = 8;
const TEXT_CHARACTERS_MAX = 800;

export interface Unseen {
  readonly code: string;
  readonly why: string;
}

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** By code, how many more were found than are listed. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Codes that were looked for and not found, sorted. */
  readonly fine: readonly string[];
  readonly unseen: readonly Unseen[];
}

/** Findings come in the order of the checks, the bad ones first. Never rejects. */
export async function examine<Subject>(checks: readonly Check<Subject>[], subject: Subject, limitMs = CHECK_MS_MAX): Promise<Diagnosis> {
  const results = await Promise.all(checks.map((one) => examineOne(one, subject, limitMs)));
  const findings = results.flatMap((one) => one.findings).toSorted((a, b) => rank(a.severity) - rank(b.severity));
  const unseen = results.flatMap((one) => one.unseen);
  const told = new Set([...findings, ...unseen].map(({ code }) => code));
  return { findings, leftOut: Object.assign({}, ...results.map((one) => one.leftOut)) as Record<string, number>, unseen, fine: checks.flatMap(({ codes }) => Object.keys(codes)).filter((code) => !told.has(code)).toSorted() };
}

async function examineOne<Subject>({ codes, look }: Check<Subject>, subject: Subject, limitMs: number): Promise<Omit<Diagnosis, 'fine'>> {
  const [findings, unseen] = [new Map<string, Finding[]>(), new Map<string, string>()];
  const leftOut: Record<string, number> = {};
  let over = false;
  const say: Say = {
    found: (code, found) => {
      const of = findings.get(code) ?? [];
      if (over) return;
      if (of.length < FINDINGS_OF_A_CODE_MAX) findings.set(code, [...of, findingOf(code, found, codes)]);
      else leftOut[code] = (leftOut[code] ?? 0) + 1;
    },
    unseen: (why, ...which) => { for (const code of which) if (!over) unseen.set(code, why); },
  };
  const broken = await ended(async () => look(subject, say), limitMs);
  over = true;
  const rest = Object.keys(codes).filter((code) => !findings.has(code));
  if (broken !== null) for (const code of rest) if (!unseen.has(code)) unseen.set(code, broken);
  return { findings: [...findings.values()].flat(), leftOut, unseen: rest.flatMap((code) => (unseen.has(code) ? [{ code, why: unseen.get(code)! }] : [])) };
}

function findingOf(code: string, { what, fix, evidence = {}, why }: Found, codes: Check['codes']): Finding {
  const facts = codes[code]!;
  return { code, severity: facts.severity, what: bounded(what), why: bounded(why ?? facts.why), fix: pasteable(fix), evidence };
}

/** Names in it may be of any length. */
function bounded(text: string): string {
  return text.length <= TEXT_CHARACTERS_MAX ? text : `${text.slice(0, TEXT_CHARACTERS_MAX)} …`;
}

/** Why it did not come to its end, or null. */
async function ended(run: () => Promise<void>, limitMs: number): Promise<string | null> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(`it did not end within ${limitMs} ms`), limitMs);
  try {
    return await Promise.race([run().then(() => null), late.promise]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}

function rank(severity: Severity): number {
  return severity === 'bad' ? 0 : 1;
}
