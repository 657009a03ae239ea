/**
 * Commands whose options are read by much code: the program has their name and a line of help, and the rest of one is
 * loaded when it is named. The others are imported as ever.
 */
import type { Command } from 'commander'
import type { DefineCommand } from './define-command.ts'
import type { Terminal } from './terminal.ts'

interface LazyCommand {
  readonly name: string
  readonly description: string
  /** As the program's help lists it: the name, then `[options]` and arguments, if it has any. */
  readonly term: string
  readonly load: () => Promise<DefineCommand>
}

const lazyCommands: readonly LazyCommand[] = [
  {
    name: 'init',
    description: 'write a first configuration, a policy with a test, secrets and the files of your proxy',
    term: 'init [options] [directory]',
    load: async () => (await import('./init/command.ts')).defineInit,
  },
  {
    name: 'policy',
    description: 'check and question a policy',
    term: 'policy',
    load: async () => (await import('./policy/commands.ts')).definePolicy,
  },
  {
    name: 'kube',
    description: 'kubectl through a browser login',
    term: 'kube',
    load: async () => (await import('./kube/commands.ts')).defineKube,
  },
  {
    name: 'token',
    description: 'make a token for one host; say why one, or a client certificate, would be refused',
    term: 'token [options]',
    load: async () => (await import('./token/commands.ts')).defineToken,
  },
  {
    name: 'proxy-config',
    description: 'print the configuration of your reverse proxy',
    term: 'proxy-config [options] [proxy]',
    load: async () => (await import('./proxy-config/commands.ts')).defineProxyConfig,
  },
]

const terms = new WeakMap<Command, string>()
const waiting = new WeakMap<Command, () => Promise<void>>()

/** For the help of a program with such commands. */
export const lazyTerm = (command: Command): string | undefined => terms.get(command)

/** Adds the name and the description. */
export function addLazily(
  program: Command,
  name: 'init' | 'policy' | 'kube' | 'token' | 'proxy-config',
  terminal: Terminal,
  onExit: (code: number) => void,
): void {
  const lazy = lazyCommands.find(one => one.name === name)
  if (lazy === undefined) throw new Error(`there is no command ${name}`)
  const command = program.command(name).description(lazy.description)
  terms.set(command, lazy.term)
  waiting.set(command, async () => {
    const define = await lazy.load()
    // Two that wait for the same code define it once.
    if (waiting.delete(command)) define(command, terminal, onExit)
  })
}

/** Loads what is not there of this command yet; before it reads its arguments. */
export const completeCommand = async (command: Command): Promise<void> => waiting.get(command)?.()
