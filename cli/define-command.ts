/** Contract of a command that is defined when it is named. */
import type { Command } from 'commander'
import type { Terminal } from './terminal.ts'

/** Gives a command its options, its subcommands and what it does. */
export type DefineCommand = (command: Command, terminal: Terminal, onExit: (code: number) => void) => void
