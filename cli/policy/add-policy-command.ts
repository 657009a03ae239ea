/** Contract of a subcommand of `sallyport policy`. */
import type { Command } from 'commander'
import type { Terminal } from '../terminal.ts'

/** Adds one subcommand below `policy`; what it ends with goes to `onExit`. */
export type AddPolicyCommand = (policy: Command, terminal: Terminal, onExit: (code: number) => void) => void
