// SPDX-License-Identifier: Apache-2.0
// OpenMetrics text from the flat statistics of services: strongroom_<service>_<name>.
import type { SourceStats } from './messages.ts';

export const METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** One series: all samples of one metric, each with its labels. */
export interface Metric {
  readonly name: string;
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** What one process said last. */
export interface ProcessStats {
  readonly service: string;
  readonly index: number;
  readonly values: Readonly<Record<string, number>>;
  readonly sources?: Readonly<Record<string, SourceStats>> | undefined;
}

/** `lastCommitAgeMs` of `vault` is `strongroom_vault_last_commit_age_ms`. All are gauges: a process that restarts begins anew. */
export function openMetrics(processes: readonly ProcessStats[]): string {
  const metrics = new Map<string, { labels: Record<string, string>; value: number }[]>();
  const add = (name: string, labels: Record<string, string>, value: number): void => {
    if (!Number.isFinite(value)) return;
    const samples = metrics.get(name) ?? [];
    samples.push({ labels, value });
    metrics.set(name, samples);
  };
  for (const { service, index, values, sources } of processes) {
    const prefix = `strongroom_${snake(service)}`;
    for (const [name, value] of Object.entries(values)) add(`${prefix}_${snake(name)}`, { process: String(index) }, value);
    for (const [source, facts] of Object.entries(sources ?? {})) {
      for (const [name, value] of Object.entries(facts)) add(`${prefix}_source_${snake(name)}`, { process: String(index), source }, value as number);
    }
  }
  return `${[...metrics].map(([name, samples]) => render({ name, samples })).join('')}# EOF\n`;
}

function render(metric: Metric): string {
  const lines = metric.samples.map(({ labels, value }) => {
    const inner = Object.entries(labels).map(([key, text]) => `${key}="${escape(text)}"`).join(',');
    return `${metric.name}{${inner}} ${value}\n`;
  });
  return `# TYPE ${metric.name} gauge\n${lines.join('')}`;
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/[^a-z0-9_]/g, '_');
}
