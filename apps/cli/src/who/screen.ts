// SPDX-License-Identifier: Apache-2.0
// Who ran something, as a tree: the person, then the ancestors from the first to the process itself.
import { printable } from '../printable.ts';
import { factLines } from '../table.ts';
import type { Answer } from './find.ts';
import type { Ancestor } from './records.ts';

export function whoLines(answer: Answer, title: (text: string) => string): string[] {
  const { pid, name, executable, ancestry } = answer;
  const chain = [...ancestry.toReversed(), { pid, name, executable, started: answer.started }];
  return [
    title(personText(answer)),
    ...chain.map((one, index) => `${'  '.repeat(index + 1)}${processText(one)}`), '',
    ...factLines(facts(answer)), '',
    title('Known from'), ...factLines(sources(answer)),
  ];
}

function personText({ person, login, session }: Answer): string {
  if (login === null) return 'nobody logged in: a service, or not known';
  return `${person === null ? `login uid ${login}` : `${printable(person)} (login uid ${login})`}${session === null ? '' : `, session ${session}`}`;
}

function processText({ pid, name, executable }: Ancestor): string {
  return `${name === null ? 'not known' : printable(name)} (${pid})${executable === null ? '' : `  ${printable(executable)}`}`;
}

function facts({ command, sha256, unhashed, unit, userUnit, container, cgroup }: Answer): (readonly [string, string])[] {
  const all: readonly (readonly [string, string | null])[] = [
    ['command', command === null ? null : command.map(printable).join(' ')], ['sha-256', unhashed === null ? sha256 : `none: the program lay in memory alone (${unhashed})`], ['unit', unit], ['user unit', userUnit],
    ['container', container === null ? null : `${container.runtime ?? 'runtime not known'} ${container.id}`], ['pod', container?.pod ?? null], ['cgroup', cgroup],
  ];
  return all.filter(([name, value]) => value !== null || !['user unit', 'pod', 'container'].includes(name)).map(([name, value]) => [name, value === null ? 'not known' : printable(value)] as const);
}

function sources({ records }: Answer): (readonly [string, string])[] {
  const all: readonly (readonly [string, string | null])[] = [
    ['asked about', records.asked], ['process', records.process], ['ancestors', records.ancestry], ['told later', records.later], ['sha-256', records.file],
  ];
  return all.filter((one): one is readonly [string, string] => one[1] !== null);
}
