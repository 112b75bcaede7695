// SPDX-License-Identifier: Apache-2.0
// A reporter for `node --test` that prints nothing and leaves its counts as JSON in the directory named by
// STRONGROOM_TEST_COUNTS, in a file named after the package, added to those that are there. Without that variable it does nothing.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { failureOf, type Failure } from './failure.ts';

/** What one package's tests came to. `skipped` are counted neither as passed nor as failed. */
export interface Counts {
  readonly project: string;
  passed: number;
  readonly failed: Failure[];
  readonly skipped: { readonly name: string; readonly reason: string }[];
}

/** The file that holds the counts of a project, in the directory of one run. */
export function countsFile(directory: string, project: string): string {
  return join(directory, `${project.replace('/', '__')}.json`);
}

export default async function* countReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const directory = process.env['STRONGROOM_TEST_COUNTS'];
  const project = projectHere();
  const file = directory === undefined ? undefined : countsFile(directory, project);
  const counts: Counts = { project, passed: 0, failed: [], skipped: [] };
  for await (const event of source) count(counts, event);
  // Two runs of one process may end at the same time: nothing is awaited in between.
  if (file !== undefined) writeFileSync(file, JSON.stringify(existsSync(file) ? sum(JSON.parse(readFileSync(file, 'utf8')) as Counts, counts) : counts));
  yield '';
}

function sum(one: Counts, other: Counts): Counts {
  return { project: one.project, passed: one.passed + other.passed, failed: [...one.failed, ...other.failed], skipped: [...one.skipped, ...other.skipped] };
}

/** Adds one event. Suites count only when they fail by themselves (a hook), tests with failed subtests not again. */
export function count(counts: Counts, event: TestEvent): void {
  if (event.type !== 'test:pass' && event.type !== 'test:fail') return;
  const { name, skip, todo, details } = event.data;
  const suite = details.type === 'suite';
  const setAside = skip ?? todo;
  if (setAside !== undefined && setAside !== false) {
    const reason = typeof setAside === 'string' ? setAside : '';
    if (!suite || event.type === 'test:pass') counts.skipped.push({ name, reason });
  } else if (event.type === 'test:pass') {
    if (!suite) counts.passed += 1;
  } else if (failureType(details) !== 'subtestsFailed') {
    counts.failed.push(failureOf(event.data));
  }
}

function failureType(details: object): unknown {
  return (details as { error?: { failureType?: unknown } }).error?.failureType;
}

function projectHere(): string {
  return (JSON.parse(readFileSync('package.json', 'utf8')) as { name: string }).name;
}
