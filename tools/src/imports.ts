// SPDX-License-Identifier: Apache-2.0
// Every module that a source file names: imports, re-exports, type imports, `import()`, `require`.
import { parseSync, Visitor } from 'oxc-parser';

/** A file that could not be parsed, or that names a module in a way that cannot be read from the text. */
export class Unreadable extends Error {}

/** The specifiers in a file, in order of appearance, each once. Throws `Unreadable`. */
export function importsOf(path: string, text: string): string[] {
  const { program, errors } = parseSync(path, text);
  if (errors[0] !== undefined) throw new Unreadable(`cannot be parsed: ${errors[0].message}`);
  const found = new Set<string>();
  const take = (source: { type: string; value?: unknown } | null | undefined): void => {
    if (source === null || source === undefined) return; // an export of its own
    if (source.type !== 'Literal' || typeof source.value !== 'string') throw new Unreadable('imports a computed name');
    found.add(source.value);
  };
  new Visitor({
    ImportDeclaration: (node) => take(node.source),
    ExportNamedDeclaration: (node) => take(node.source),
    ExportAllDeclaration: (node) => take(node.source),
    ImportExpression: (node) => take(node.source),
    TSImportType: (node) => take(node.source),
    TSExternalModuleReference: (node) => take(node.expression),
    CallExpression: (node) => {
      if (node.callee.type === 'Identifier' && node.callee.name === 'require') take(node.arguments[0]);
    },
    MemberExpression: (node) => {
      if (node.property.type === 'Identifier' && node.property.name === 'getBuiltinModule') {
        throw new Unreadable('uses getBuiltinModule, which hides an import');
      }
    },
  }).visit(program);
  return [...found];
}
