/** Whether a command of this program that somebody writes down is there, with its options. */
import type { Command } from 'commander'

/** One sentence for each thing that is not. */
export function problemsOf(text: string, program: Command): readonly string[] {
  const words = text.split(/\s+/).slice(1)
  const firstOption = words.findIndex(word => word.startsWith('-'))
  let command = program
  for (const word of firstOption < 0 ? words : words.slice(0, firstOption)) {
    const next = command.commands.find(one => one.name() === word || one.aliases().includes(word))
    const isArgument = command.registeredArguments.length > 0 || !/^[a-z-]+$/.test(word)
    if (next === undefined && !isArgument && command.commands.length > 0) return [`${text}: no command ${word}`]
    if (next === undefined) break
    command = next
  }
  const known = new Set([...command.options.map(({ long }) => long), '--help', '--version'])
  return words
    .flatMap(word => /^--[a-z0-9-]*[a-z0-9]/.exec(word)?.[0] ?? [])
    .filter(name => !known.has(name) && name !== '--allow-insecure')
    .map(name => `${text}: no option ${name}`)
}
