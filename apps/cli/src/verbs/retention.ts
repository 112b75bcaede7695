// SPDX-License-Identifier: Apache-2.0
import { RETENTION_PRESETS, classifier, retentionClasses } from '@strongroom/service/client';
import { writeList, writeValue } from '../output.ts';
import { printable } from '../printable.ts';
import { factLines, tableLines, wrap } from '../table.ts';
import { EXIT, verb, type Call } from '../verb.ts';

const WIDTH = 100;

const options = {
  source: { kind: 'text', value: 'NAME', description: 'With explain: whose class? A name, or service/NAME for one of our own services' },
  protocol: { kind: 'text', value: 'NAME', default: 'relp-tls', description: 'With --source: by which protocol' },
} as const;

type RetentionCall = Call<typeof options, readonly [{ readonly name: 'action'; readonly description: string; readonly required: true }]>;

export const retention = verb({
  details: [
    'explain shows the retention classes of the configuration and the rules that choose one from the source and the protocol of a '
      + 'record; with --source it says which class that source is in. presets shows durations that frameworks name or leave to you, '
      + 'with where that stands. They are a beginning, not advice.',
  ],
  arguments: [{ name: 'action', description: 'What to show', required: true, choices: ['explain', 'presets'] }],
  options,
  examples: [
    { command: 'strongroom retention presets', what: 'SOC 2, ISO 27001, FedRAMP, with their sources' },
    { command: 'strongroom retention explain --source web-01 --protocol syslog-tls', what: 'How long are its records kept?' },
  ],
  run: (call) => (call.arguments.action === 'presets' ? presets(call) : explain(call)),
});

async function presets(call: RetentionCall): Promise<number> {
  const rows = Object.entries(RETENTION_PRESETS).map(([name, preset]) => ({ name, ...preset }));
  await writeList(call, rows, () => rows.flatMap(({ name, keepDays, basis, source }) => [
    `${name}: ${keepDays} days`, ...factLines([['because', wrap(basis, WIDTH).join('\n')], ['source', wrap(source, WIDTH).join('\n')]]),
  ]));
  return EXIT.ok;
}

async function explain(call: RetentionCall): Promise<number> {
  const config = (await import('@strongroom/service/config')).loadConfig(call.configFile).retention;
  const classes = retentionClasses(config);
  const { source, protocol } = call.options;
  if (source !== undefined) {
    const name = classifier(config)({ source: `spiffe://_/${source.includes('/') ? source : `source/${source}`}`, protocol });
    const chosen = classes.find((one) => one.name === name)!;
    await writeValue(call, { source, protocol, ...chosen }, () => [`${printable(source)} by ${printable(protocol)}: class ${name}, ${chosen.keepDays} days (${printable(chosen.basis)})`]);
    return EXIT.ok;
  }
  await writeValue(call, { classes, rules: config.rules, copies: config.copies }, () => [
    ...tableLines([{ title: 'CLASS' }, { title: 'DAYS', align: 'right' }, { title: 'PRESET' }, { title: 'BASIS' }], classes.map((one) => [one.name, String(one.keepDays), one.preset ?? '', printable(one.basis)])), '',
    ...config.rules.map((rule, i) => `rule ${i + 1}: ${[rule.source && `source ${rule.source}`, rule.protocol && `protocol ${rule.protocol}`].filter(Boolean).map((one) => printable(String(one))).join(' and ')} → ${rule.class}`),
    'What no rule takes is in the class "default".',
  ]);
  return EXIT.ok;
}
