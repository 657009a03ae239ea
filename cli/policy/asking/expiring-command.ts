/** `sallyport policy expiring`: which rows time puts an end to, and when. */
import type { AddPolicyCommand } from '../add-policy-command.ts'

interface Values {
  readonly config?: string
  readonly within?: string
  readonly at?: string
  readonly json?: boolean
}

const help = `
A row ends by until:<date> in its condition, or by a date-window of conditions.yaml that it asks for. Rows that are over
are listed first: they never apply.

Examples:
  $ sallyport policy expiring                        every row that ends, the next one first
  $ sallyport policy expiring --within 30d           those that are over, or will be in 30 days
  $ sallyport policy expiring --json                 with the days that are left`

export const addExpiring: AddPolicyCommand = (policy, terminal, onExit) => {
  policy
    .command('expiring')
    .description('list rows that time puts an end to')
    .argument('[directory]', 'policy directory')
    .option('-c, --config <file>', 'configuration file that names the directory and the providers')
    .option('--within <duration>', 'only rows that are over by then: 30d, 12h')
    .option('--at <time>', 'count from then (default: now)')
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action(async (directory: string | undefined, values: Values) => {
      const { listExpiring } = await import('./expiring.ts')
      onExit(await listExpiring({ ...values, ...(directory === undefined ? {} : { directory }) }, terminal))
    })
}
