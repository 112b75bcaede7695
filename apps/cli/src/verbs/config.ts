// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import { writeList, writeValue } from '../output.ts';
import { printable } from '../printable.ts';
import { tableLines } from '../table.ts';
import { EXIT, verb, type Call } from '../verb.ts';
import type { ConfigFinding, ExplainedKey } from '@strongroom/service/config';

export const config = verb({
  details: [
    'explain shows every key with its value and where that comes from, check says everything that is wrong with the file, '
      + 'schema writes the JSON Schema that editors use.',
    'The file is YAML, named by --config or $STRONGROOM_CONFIG. Every key has a default, and unknown keys are refused.',
  ],
  arguments: [{ name: 'action', description: 'What to do', required: true, choices: ['explain', 'check', 'schema'] }],
  options: {},
  examples: [
    { command: 'strongroom config explain', what: 'Every key, its value, and what it means' },
    { command: 'strongroom config check --config strongroom.yaml', what: 'Before it is put into place' },
  ],
  exitCodes: { 78: 'the configuration is not valid' },
  async run(call) {
    const action = call.arguments.action as keyof typeof ACTIONS;
    return ACTIONS[action](call);
  },
});

type ConfigCall = Pick<Call, 'configFile' | 'format' | 'io'>;

const ACTIONS = { explain, check, schema };

/** The schema library is large, so only this verb loads it. */
const load = () => import('@strongroom/service/config');

async function explain(call: ConfigCall): Promise<number> {
  const keys = (await load()).explainConfig(call.configFile);
  await writeList(call, keys, () => tableLines(
    [{ title: 'KEY' }, { title: 'VALUE', align: 'right' }, { title: 'UNIT' }, { title: 'FROM' }, { title: 'MEANING' }],
    keys.map((key: ExplainedKey) => [key.key, key.value === null ? '-' : printable(valueText(key.value)), key.unit ?? '', key.from, key.description]),
  ));
  return EXIT.ok;
}

async function check(call: ConfigCall): Promise<number> {
  const { configFile } = call;
  if (configFile === undefined) {
    throw new Refused('usage.no-config', 'there is no configuration file to check', {
      why: 'neither --config nor $STRONGROOM_CONFIG names one', fix: 'strongroom config check --config FILE',
    });
  }
  const findings = (await load()).checkConfig(configFile);
  const verdict = { ok: findings.length === 0, file: configFile, findings };
  await writeValue(call, verdict, () => (verdict.ok ? [`${configFile} is valid.`] : findingLines(configFile, findings)));
  return verdict.ok ? EXIT.ok : EXIT.configuration;
}

async function schema(call: ConfigCall): Promise<number> {
  const value = (await load()).configSchema();
  await writeValue(call, value, () => JSON.stringify(value, null, 2).split('\n'));
  return EXIT.ok;
}

function findingLines(file: string, findings: readonly ConfigFinding[]): string[] {
  return findings.flatMap(({ what, why, fix, code }) => [`${file}: ${printable(what)} [${code}]`, `  why: ${printable(why)}`, `  do:  ${printable(fix)}`]);
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
