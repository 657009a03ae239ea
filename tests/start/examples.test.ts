/** The help of each command ends with examples of it, which are read as somebody would type them. */
import type { Command } from 'commander'
import { beforeAll, expect, it } from 'vitest'
import { createWholeProgram } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { problemsOf } from '../docs/named-commands.ts'

let program: Command
beforeAll(async () => {
  const terminal = createTestTerminal({ cwd: import.meta.dirname })
  program = await createWholeProgram({ version: '0', terminal }, () => undefined)
})

interface Shown {
  readonly path: string
  readonly help: string
  readonly isGroup: boolean
}

function helpOf(command: Command): string {
  let help = ''
  command.configureOutput({
    writeOut: text => {
      help += text
    },
  })
  command.outputHelp()
  return help
}

/** All that a help lists. */
const shownBelow = (command: Command, parents: readonly string[] = []): readonly Shown[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .flatMap(one => {
      const words = [...parents, one.name()]
      const path = ['sallyport', ...words].join(' ')
      return [{ path, help: helpOf(one), isGroup: one.commands.length > 0 }, ...shownBelow(one, words)]
    })

const examplesIn = (help: string): readonly string[] =>
  [...help.replaceAll(/\\\n\s*/g, '').matchAll(/^(?: {2}|.*?\d\. )\$ (.*)$/gm)].map(([, line = '']) =>
    line.replace(/\s{2,}.*$/, ''),
  )

it('is there for each command, with the command in it', () => {
  const all = shownBelow(program)
  expect(all.length).toBeGreaterThan(50)
  const without = all.filter(({ path, help }) => !examplesIn(help).some(line => line.includes(path)))
  expect(without.map(({ path }) => path)).toEqual([])
})

it('names commands and options that there are', () => {
  const commands = shownBelow(program).flatMap(({ help }) =>
    examplesIn(help).flatMap(line => line.split(/\s*(?:\||&&|;|\()\s*/).filter(part => part.startsWith('sallyport '))),
  )
  expect(commands.length).toBeGreaterThan(100)
  expect(commands.flatMap(line => problemsOf(line, program))).toEqual([])
})
