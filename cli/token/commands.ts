/** `sallyport token …`. */
import type { Command } from 'commander'
import type { Terminal } from '../terminal.ts'
import { addInspect } from './inspect-command.ts'

export function addToken(program: Command, terminal: Terminal, onExit: (code: number) => void): void {
  const token = program
    .command('token')
    .description('bearer tokens of workloads, clients and people')
    .helpCommand(false)
  addInspect(token, terminal, onExit)
}
