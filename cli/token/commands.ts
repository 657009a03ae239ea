/** `sallyport token …`. */
import type { Command } from 'commander'
import type { Terminal } from '../terminal.ts'
import { addExchange } from './exchange-command.ts'
import { addInspect } from './inspect-command.ts'

export function addToken(program: Command, terminal: Terminal, onExit: (code: number) => void): void {
  const token = program
    .command('token')
    .description('make a token for one host; say why one, or a client certificate, would be refused')
    .helpCommand(false)
    .enablePositionalOptions()
  addExchange(token, terminal, onExit)
  addInspect(token, terminal, onExit)
}
