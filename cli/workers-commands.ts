/** `sallyport workers …`: which processes a running service has, and new ones for them. */
import type { Command } from 'commander'
import { type AdminValues, addAdminOptions } from './admin/option.ts'
import type { Terminal } from './terminal.ts'

const help = `
Only a service with server.workers above 1 has any. A restart gives each worker a new process with the configuration as it
is by now, one after the other and without a dropped request; it takes as long as the starts do.

Examples:
  $ sallyport workers status                         the service of this machine
  $ sallyport workers restart
  $ sallyport workers restart --admin http://10.0.0.7:9181 --json

Exit codes: 0 it worked, or all workers serve; 1 it did not, some are missing, or nobody answers.`

const examplesOf = (name: string): string => `
Examples:
  $ sallyport workers ${name}
  $ sallyport workers ${name} --admin unix:/run/sallyport/admin.sock --json`

interface Values extends AdminValues {
  readonly json?: boolean
}

export function addWorkers(program: Command, terminal: Terminal, onExit: (code: number) => void): void {
  const workers = program.command('workers').description('the processes of a running service').helpCommand(false)
  workers.addHelpText('after', help)
  const add = (name: 'status' | 'restart', description: string) =>
    addAdminOptions(workers.command(name).description(description))
      .option('--json', 'print one JSON document')
      .addHelpText('after', examplesOf(name))
      .action(async (values: Values) => {
        const { restartWorkers, showWorkers } = await import('./workers.ts')
        onExit(await (name === 'status' ? showWorkers : restartWorkers)(values, terminal))
      })
  add('status', 'list them: number, process id, state, since when it serves')
  add('restart', 'replace each with a new process, without a dropped request')
}
