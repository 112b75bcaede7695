// SPDX-License-Identifier: Apache-2.0
// Errors as people and programs get them: what happened, why, what to do, and a code; and the exit code that follows.
import { Bug, Failed, Refused } from '@strongroom/bytes';
import { printable } from './printable.ts';
import { EXIT, type Format } from './verb.ts';
import type { Sink } from './io.ts';

interface Facts {
  readonly code: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** Three lines, or one line of JSON `{"error":{"code","what","why","fix"}}`. */
export function errorText(error: unknown, format: Format, sink?: Sink): string {
  const facts = factsOf(error);
  if (format !== 'table') return `${JSON.stringify({ error: facts })}\n`;
  const red = (text: string): string => sink?.style('red', text) ?? text;
  const [what, why, fix] = [facts.what, facts.why, facts.fix].map(printable);
  return `${red('strongroom:')} ${what} [${facts.code}]\n  why: ${why}\n  do:  ${fix}\n`;
}

/** Usage 2, configuration 78, all else 1; a verb that judges evidence returns 3 itself. */
export function exitCodeOf(error: unknown): number {
  const { code } = factsOf(error);
  if (code.startsWith('usage.') || code === 'spiffe.name') return EXIT.usage;
  return code.startsWith('config.') ? EXIT.configuration : EXIT.failed;
}

function factsOf(error: unknown): Facts {
  if (error instanceof Refused || error instanceof Failed) {
    return { code: error.code, what: error.message, why: error.why ?? causeOf(error), fix: error.fix ?? 'see "strongroom help" and "strongroom status"' };
  }
  if (isSystemError(error)) return systemFacts(error);
  return {
    code: error instanceof Bug ? error.code : 'cli.unexpected',
    what: error instanceof Error ? error.message : String(error),
    why: 'this is a mistake in Strongroom itself',
    fix: 'report it; STRONGROOM_DEBUG=1 shows where it happened',
  };
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : 'that is not accepted';
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && typeof (error as NodeJS.ErrnoException).code === 'string';
}

const SYSTEM: Readonly<Record<string, readonly [why: string, fix: string]>> = {
  ENOENT: ['it is not there', 'check the path'],
  EACCES: ['you have not the right to', 'run the command as the user who started Strongroom, or as root'],
  EPERM: ['the system does not permit it', 'run the command as root'],
  EEXIST: ['it is there already', 'choose another name'],
  ENOTDIR: ['a part of the path is no directory', 'check the path'],
  EISDIR: ['it is a directory', 'name a file'],
  ENOSPC: ['the disk is full', 'make room, then repeat the command'],
  EROFS: ['the file system is read-only', 'choose another place'],
};

function systemFacts(error: NodeJS.ErrnoException): Facts {
  const [why, fix] = SYSTEM[error.code ?? ''] ?? [error.message, 'see to it, then repeat the command'];
  return { code: `file.${(error.code ?? 'error').toLowerCase()}`, what: `${error.syscall ?? 'access'} of ${error.path ?? 'a file'} failed`, why, fix };
}
