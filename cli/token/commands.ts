/** `sallyport token …`. */
import type { DefineCommand } from '../define-command.ts'
import { addExchange } from './exchange-command.ts'
import { addInspect } from './inspect-command.ts'

export const defineToken: DefineCommand = (token, terminal, onExit) => {
  token.helpCommand(false).enablePositionalOptions()
  addExchange(token, terminal, onExit)
  addInspect(token, terminal, onExit)
}
