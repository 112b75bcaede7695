// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkText } from './config-check.ts';
import { configOf, type Config } from './config.ts';
import { CLASSES_MAX, classifier, retentionClasses } from './retention.ts';

type Retention = Config['retention'];
const retention = (section: object): Retention => configOf({ retention: section }).retention;
const CLASSES = { debug: { keepDays: 30, basis: 'troubleshooting' }, audit: { preset: 'fedramp-au-11' } };

test('without a word about it there is one class, which takes everything', () => {
  const section = retention({});
  assert.deepEqual(retentionClasses(section).map(({ name, keepDays }) => [name, keepDays]), [['default', 400]]);
  assert.equal(classifier(section)({ source: 'spiffe://d/source/web-01', protocol: 'relp-tls' }), 'default');
});

test('a class has its own duration and basis, or those of a preset, which it may lengthen', () => {
  const classes = retentionClasses(retention({ classes: { ...CLASSES, default: { preset: 'soc2-type2', keepDays: 500 } } }));
  assert.deepEqual(classes.map(({ name, keepDays, preset }) => [name, keepDays, preset]), [['default', 500, 'soc2-type2'], ['debug', 30, null], ['audit', 913, 'fedramp-au-11']]);
  assert.match(classes[2]!.basis, /30 months/);
});

test('the first rule whose conditions all hold decides', () => {
  const classOf = classifier(retention({
    classes: CLASSES,
    rules: [{ source: 'web-*', protocol: 'syslog-*', class: 'debug' }, { source: 'web-01', class: 'audit' }, { source: 'service/vault', class: 'audit' }, { protocol: 'kmsg', class: 'debug' }],
  }));
  const of = (name: string, protocol: string): string => classOf({ source: `spiffe://d/${name}`, protocol });
  assert.equal(of('source/web-01', 'syslog-tls'), 'debug');
  assert.equal(of('source/web-01', 'relp-tls'), 'audit');
  assert.equal(of('source/web-02', 'relp-tls'), 'default');
  assert.equal(of('service/vault', 'strongroom'), 'audit');
  assert.equal(of('source/vault', 'strongroom'), 'default');
  assert.equal(of('service/capture', 'kmsg'), 'debug');
  assert.equal(of('source/web-01', 'syslog-tls'), 'debug', 'asked again');
});

test('but for the star a pattern stands for itself', () => {
  const classOf = classifier(retention({ classes: CLASSES, rules: [{ source: 'a.b*', class: 'debug' }] }));
  assert.equal(classOf({ source: 'spiffe://d/source/a.b.c', protocol: 'x' }), 'debug');
  assert.equal(classOf({ source: 'spiffe://d/source/axb', protocol: 'x' }), 'default');
});

const REFUSED: readonly (readonly [string, string, string])[] = [
  ['a class that is not there', 'rules: [{source: a, class: nix}]', 'retention.rules.0.class'],
  ['a rule without a class', 'rules: [{source: a}]', 'retention.rules.0.class'],
  ['a rule without a condition', 'rules: [{class: default}]', 'retention.rules.0'],
  ['a class without a duration', 'classes: {x: {basis: law}}', 'retention.classes.x'],
  ['a preset that is not there', 'classes: {x: {preset: constructor}}', 'retention.classes.x.preset'],
  ['less than the preset keeps', 'classes: {x: {preset: iso-27001, keepDays: 1095}}', 'retention.classes.x.keepDays'],
  ['the name that holds have', 'classes: {hold: {keepDays: 1}}', 'retention.classes.hold'],
  ['a name with capitals', 'classes: {Audit: {keepDays: 1}}', 'retention.classes.Audit'],
  ['no day', 'classes: {x: {keepDays: 0}}', 'retention.classes.x.keepDays'],
  ['more than a century', 'classes: {x: {keepDays: 36526}}', 'retention.classes.x.keepDays'],
  ['a copy with a comma in its name', 'copies: ["a,b"]', 'retention.copies.0'],
  ['too many classes', `classes: {${Array.from({ length: CLASSES_MAX }, (_, i) => `c${i}: {keepDays: 1}`).join(', ')}}`, 'retention.classes'],
];

for (const [name, text, key] of REFUSED) {
  test(`a configuration is refused: ${name}`, () => {
    const { findings } = checkText(`retention: {${text}}`);
    assert.deepEqual(findings.map((finding) => [finding.code, finding.key]), [['config.value', key]]);
  });
}
