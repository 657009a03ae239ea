/** What is loaded late changes nothing that anybody reads. */
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { createProgram, createWholeProgram } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'

const options = { version: '0.0.0', terminal: createTestTerminal() }

describe('commands that are loaded when they are named', () => {
  test('stand in the help as they do once they are there', async () => {
    const whole = await createWholeProgram(options, () => undefined)
    const help = createProgram(options, () => undefined).helpInformation()
    // Without the lines that were said before they were loaded.
    const { subcommandTerm: _said, ...plain } = whole.configureHelp()
    expect(whole.configureHelp(plain).helpInformation()).toBe(help)
    const namesOf = (one: Command) => one.commands.map(({ commands }) => commands.length)
    expect(namesOf(whole).reduce((sum, count) => sum + count)).toBeGreaterThan(20)
  })

  test('take their arguments, whatever stands before them', async () => {
    const seen: unknown[] = []
    const program = createProgram(options, () => undefined)
    program.commands
      .find(command => command.name() === 'proxy-config')
      ?.hook('preAction', (_command, acting) => void seen.push(acting.opts().list))
    await program.parseAsync(['proxy-config', '--list'], { from: 'user' })
    expect(seen).toEqual([true])
  })
})
