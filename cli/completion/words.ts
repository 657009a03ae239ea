/** What can follow each command, read from the commands themselves. Pure. */
import type { Argument, Command, Option } from 'commander'

/** One command of the tree. */
export interface CommandWords {
  /** Names behind `sallyport`, joined by a space; empty for `sallyport` alone. */
  readonly path: string
  /** Commands below it, with a line about each. */
  readonly commands: readonly Word[]
  /** Its own options, long forms. */
  readonly options: readonly OptionWord[]
  /** What its arguments can be, where that is a list. */
  readonly values: readonly string[]
}

export interface Word {
  readonly name: string
  readonly description: string
}

export interface OptionWord extends Word {
  /** `-c` of `--config`. */
  readonly short?: string
  readonly takesValue: boolean
  /** Where only these values are taken. */
  readonly choices: readonly string[]
}

/** `program` has to be whole (`createWholeProgram`). Hidden commands and options are not told of. */
export function wordsOf(program: Command): readonly CommandWords[] {
  return walk(program, [])
}

function walk(command: Command, path: readonly string[]): readonly CommandWords[] {
  const { visibleCommands, visibleOptions, visibleArguments } = visible(command)
  const own: CommandWords = {
    path: path.join(' '),
    commands: visibleCommands.map(one => ({ name: one.name(), description: one.description() })),
    options: visibleOptions.flatMap(wordOf),
    values: visibleArguments.flatMap(({ argChoices = [] }) => argChoices),
  }
  return [own, ...visibleCommands.flatMap(one => walk(one, [...path, one.name()]))]
}

function visible(command: Command) {
  const help = command.createHelp()
  return {
    visibleCommands: help.visibleCommands(command).filter(one => one.name() !== 'help'),
    visibleOptions: help.visibleOptions(command) as readonly Option[],
    visibleArguments: command.registeredArguments as readonly Argument[],
  }
}

function wordOf({ long, short, description, required, optional, argChoices = [] }: Option): readonly OptionWord[] {
  if (long === undefined || long === null) return []
  const word = { name: long, description, takesValue: required || optional, choices: argChoices }
  return [{ ...word, ...(typeof short === 'string' ? { short } : {}) }]
}
