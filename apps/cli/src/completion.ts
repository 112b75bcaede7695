// SPDX-License-Identifier: Apache-2.0
// Completion scripts for shells, from the verbs' declarations. They run nothing: all words stand in the script.
import { optionsOf, type Option, type Verb } from './verb.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, verbs: readonly Verb[]): string {
  return { bash, zsh, fish }[shell](verbs);
}

function allOptions(verb: Verb): [string, Option][] {
  return Object.entries({ ...verb.options, ...optionsOf(verb) });
}

function choicesOf(option: Option): readonly string[] {
  return option.kind === 'text' ? option.choices ?? [] : [];
}

function firstChoices(verb: Verb, verbs: readonly Verb[]): readonly string[] {
  return verb.name === 'help' ? verbs.map(({ name }) => name) : verb.arguments[0]?.choices ?? [];
}

function bash(verbs: readonly Verb[]): string {
  const cases = verbs.map((verb) => {
    const words = [...allOptions(verb).map(([name]) => `--${name}`), ...firstChoices(verb, verbs)];
    return `    ${verb.name}) words='${words.join(' ')}' ;;`;
  });
  const values = new Map(verbs.flatMap(allOptions).filter(([, option]) => choicesOf(option).length > 0).map(([name, option]) => [name, option] as const));
  const valueCases = [...values].map(([name, option]) => {
    const short = option.short === undefined ? '' : `|-${option.short}`;
    return `    --${name}${short}) COMPREPLY=($(compgen -W '${choicesOf(option).join(' ')}' -- "$current")); return ;;`;
  });
  return `# bash completion for strongroom: strongroom completion bash > /etc/bash_completion.d/strongroom
_strongroom() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words=''
  COMPREPLY=()
  case $before in
${valueCases.join('\n')}
  esac
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words='${verbs.map(({ name }) => name).join(' ')}'; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _strongroom strongroom
`;
}

function zsh(verbs: readonly Verb[]): string {
  const cases = verbs.map((verb) => {
    const options = allOptions(verb).map(([name, option]) => {
      const offered = choicesOf(option).length > 0 ? `(${choicesOf(option).join(' ')})` : '_files';
      const value = option.kind === 'flag' ? '' : `:${option.value}:${offered}`;
      return `'--${name}[${zshQuoted(option.description)}]${value}'`;
    });
    const choices = firstChoices(verb, verbs);
    const rest = verb.arguments.length === 0 ? [] : [choices.length > 0 ? `'1:${verb.arguments[0]!.name}:(${choices.join(' ')})'` : `'*:${verb.arguments[0]!.name}:_files'`];
    return `      ${verb.name}) _arguments ${[...options, ...rest].join(' ')} ;;`;
  });
  return `#compdef strongroom
# zsh completion for strongroom: strongroom completion zsh > "\${fpath[1]}/_strongroom"
_strongroom() {
  local -a verbs
  verbs=(
${verbs.map((verb) => `    '${verb.name}:${zshQuoted(verb.summary)}'`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
  else
    local verb=$words[2]
    shift words
    (( CURRENT-- ))
    case $verb in
${cases.join('\n')}
    esac
  fi
}
_strongroom "$@"
`;
}

function fish(verbs: readonly Verb[]): string {
  const lines = verbs.flatMap((verb) => {
    const on = `complete -c strongroom -n '__fish_seen_subcommand_from ${verb.name}'`;
    const choices = firstChoices(verb, verbs);
    return [
      `complete -c strongroom -n __fish_use_subcommand -a ${verb.name} -d '${fishQuoted(verb.summary)}'`,
      ...allOptions(verb).map(([name, option]) => {
        const short = option.short === undefined ? '' : ` -s ${option.short}`;
        const value = option.kind === 'flag' ? '' : choicesOf(option).length > 0 ? ` -x -a '${choicesOf(option).join(' ')}'` : ' -r';
        return `${on}${short} -l ${name}${value} -d '${fishQuoted(option.description)}'`;
      }),
      ...(choices.length > 0 ? [`${on} -f -a '${choices.join(' ')}'`] : []),
    ];
  });
  return `# fish completion for strongroom: strongroom completion fish > ~/.config/fish/completions/strongroom.fish
complete -c strongroom -n __fish_use_subcommand -f
${lines.join('\n')}
`;
}

/** Inside single quotes and inside the brackets of `_arguments`. */
function zshQuoted(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, '\\$&');
}

function fishQuoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}
