// SPDX-License-Identifier: Apache-2.0
// Whether everything that was sent was kept: a figure of a run that lost events is worth nothing.
import type { Leg } from './legs.ts';
import type { Subject, SubjectName } from './subject.ts';

export class Tally {
  readonly #sent = new Map<SubjectName, number>();
  readonly #kept = new Map<SubjectName, number>();

  /** A loud line when the leg lost or multiplied events, else null. */
  add({ subject, sent, kept }: Leg): string | null {
    this.#sent.set(subject, this.sent(subject) + sent);
    this.#kept.set(subject, (this.#kept.get(subject) ?? 0) + kept);
    return kept === sent ? null : loud(`${subject} kept ${kept} of ${sent} events`);
  }

  sent(subject: SubjectName): number {
    return this.#sent.get(subject) ?? 0;
  }

  async check(subjects: readonly Subject[]): Promise<{ readonly lines: string[]; readonly complete: boolean }> {
    const lines: string[] = [];
    let complete = true;
    for (const subject of subjects) {
      const [sent, kept] = [this.sent(subject.name), this.#kept.get(subject.name) ?? 0];
      if (sent === 0) continue;
      const { ok, text } = await subject.check(sent);
      const right = ok && kept === sent;
      complete &&= right;
      const line = `${subject.name}: ${sent.toLocaleString('en')} sent, ${kept.toLocaleString('en')} found (${text})`;
      lines.push(right ? line : loud(line));
    }
    return { lines, complete };
  }
}

function loud(line: string): string {
  return `**EVENTS ARE NOT ALL THERE** ${line}`;
}
