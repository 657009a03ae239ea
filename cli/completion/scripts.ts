/**
 * Scripts by which shells complete what is typed. They hold all words themselves: a shell that asked `sallyport` at each press of
 * a key would wait for it.
 *
 * Threat: a word of ours that a shell runs. Every word is quoted, and names are letters, digits and hyphens.
 */
import type { CommandWords, OptionWord } from './words.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

export function completionScript(shell: Shell, words: readonly CommandWords[]): string {
  if (shell === 'fish') return fishScript(words)
  return shell === 'bash' ? bashScript(words) : zshScript(words)
}

/** In single quotes, for each of the three shells. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
const joined = (words: readonly string[]): string => quoted(words.join(' '))
const spelt = ({ name, short }: OptionWord): readonly string[] => (short === undefined ? [name] : [name, short])

function bashScript(words: readonly CommandWords[]): string {
  const steps = words.flatMap(({ path, commands }) => commands.map(({ name }) => quoted(`${path} ${name}`)))
  const valued = words.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .flatMap(option => spelt(option).map(name => ({ key: quoted(`${path} ${name}`), choices: option.choices }))),
  )
  const offers = words.map(
    ({ path, commands, options, values }) =>
      `    ${quoted(path)}) offers=${joined([...commands.map(({ name }) => name), ...values])} options=${joined(options.map(({ name }) => name))} ;;`,
  )
  return `# Completion of sallyport for bash. Made by: sallyport completion bash
_sallyport() {
  local where= before= offers= options= typed="\${COMP_WORDS[COMP_CWORD]}" at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "$where \${COMP_WORDS[at]}" in
      ${steps.join(' | \\\n      ')}) where="\${where:+$where }\${COMP_WORDS[at]}" ;;
    esac
  done
  before="\${COMP_WORDS[COMP_CWORD - 1]}"
  case "$where $before" in
${valued.map(({ key, choices }) => `    ${key}) ${choices.length === 0 ? 'return' : `COMPREPLY=($(compgen -W ${joined(choices)} -- "$typed")); return`} ;;`).join('\n')}
  esac
  case "$where" in
${offers.join('\n')}
  esac
  case "$typed" in
    -*) offers=$options ;;
  esac
  COMPREPLY=($(compgen -W "$offers" -- "$typed"))
}
complete -o default -F _sallyport sallyport
`
}

/** By the functions that zsh has for scripts of bash. */
const zshScript = (
  words: readonly CommandWords[],
): string => `# Completion of sallyport for zsh. Made by: sallyport completion zsh
(( $+functions[compdef] )) || { autoload -U +X compinit && compinit }
autoload -U +X bashcompinit && bashcompinit
${bashScript(words).replace(/^#.*\n/, '')}`

function fishScript(words: readonly CommandWords[]): string {
  const steps = words.flatMap(({ path, commands }) => commands.map(({ name }) => quoted(`${path} ${name}`)))
  const lines = words.flatMap(({ path, commands, options, values }) => {
    const here = `complete -c sallyport -n ${quoted(`__sallyport_at ${quoted(path)}`)}`
    return [
      ...commands.map(({ name, description }) => `${here} -f -a ${name} -d ${quoted(description)}`),
      ...(values.length === 0 ? [] : [`${here} -f -a ${joined(values)}`]),
      ...options.map(option => `${here} ${fishOption(option)}`),
    ]
  })
  return `# Completion of sallyport for fish. Made by: sallyport completion fish
function __sallyport_at
  set -l path ''
  for word in (commandline -opc)[2..-1]
    switch "$path $word"
      case ${steps.join(' ')}
        set path (string trim -- "$path $word")
    end
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}
`
}

function fishOption({ name, short, description, takesValue, choices }: OptionWord): string {
  const value = takesValue ? (choices.length === 0 ? ' -r' : ` -x -a ${joined(choices)}`) : ''
  return `-l ${name.slice(2)}${short === undefined ? '' : ` -s ${short.slice(1)}`}${value} -d ${quoted(description)}`
}
