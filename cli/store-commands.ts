/** `sallyport store …`: moves sessions from one store to another. */
import { type Command, Option } from 'commander'
import { addInsecureOptions, insecureOptionsOf } from './insecure-options.ts'
import type { Terminal } from './terminal.ts'

const help = `
From LMDB to Redis, from one Redis to another, from one Redis to a Cluster: nobody is logged out. The store is the one
that the configuration names, and both configurations need the same sessions.secretFile.

Example:
  1. Stop the service.
  2. $ sallyport store export sessions.jsonl --config old.yaml
  3. $ sallyport store import sessions.jsonl --config new.yaml
  4. Start the service with new.yaml, and delete the file.

An import may be repeated, also into a store that is in use. It overwrites nothing: what the store already has is newer.
A session that either side has ended stays ended. A service that goes on while its store is exported has changes that the
file lacks; a second round carries over what was begun or ended since, but not what was refreshed.`

const exportHelp = `
The file is made for this account alone (mode 0600) and must not be there yet. What is in it is sealed as it is in the
store: without the secret and the cookies nobody gets a session out of it. Signing keys come along; the secret alone
opens those. A Redis is read with SCAN, on each of its masters.

Examples:
  $ sallyport store export sessions.jsonl
  $ sallyport store export /mnt/usb/sessions.jsonl --config /etc/sallyport/sallyport.yaml --json

Exit codes: 0 everything is in the file; 1 it is not, and there is no file; 2 the configuration is wrong.`

const importHelp = `
Everything that has not expired is brought in; counted are records, tombstones of ended sessions, links of the indexes, and
what the store kept of its own. A file that is cut short, or lacks lines, is an error at its end; what it held is brought in.

Examples:
  $ sallyport store import sessions.jsonl
  $ sallyport store import sessions.jsonl --config new.yaml --json

Exit codes: 0 all of it is in the store; 1 it is not; 2 the configuration is wrong.`

type Values = Readonly<Record<string, unknown>>

export function addStore(program: Command, terminal: Terminal, onExit: (code: number) => void): void {
  const store = program.command('store').description('move sessions from one store to another').helpCommand(false)
  store.addHelpText('after', help)
  const add = (name: 'export' | 'import', description: string, text: string) =>
    addInsecureOptions(
      store
        .command(name)
        .description(description)
        .argument('<file>', 'JSON lines')
        .addOption(new Option('-c, --config <file>', 'configuration file (default: ./sallyport.yaml)')),
    )
      .option('--json', 'print one JSON document')
      .addHelpText('after', text)
      .action(async (file: string, values: Values) => {
        const { exportStore, importStore } = await import('./store.ts')
        const choice = {
          ...(typeof values.config === 'string' ? { config: values.config } : {}),
          allowInsecure: insecureOptionsOf(values),
          file,
          json: values.json === true,
        }
        onExit(await (name === 'export' ? exportStore : importStore)(choice, terminal))
      })
  add('export', 'write everything that the store holds to a file', exportHelp)
  add('import', 'bring what such a file holds into the store', importHelp)
}
