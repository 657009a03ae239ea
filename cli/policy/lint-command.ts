/** `sallyport policy lint`: what is probably not meant. */
import type { AddPolicyCommand } from './add-policy-command.ts'

interface Values {
  readonly config?: string
  readonly at?: string
  readonly strict?: boolean
  readonly json?: boolean
}

const help = `
Examples:
  $ sallyport policy lint                            rows that never decide, roles without members, odd patterns
  $ sallyport policy lint --strict                   exit with 1 when there is a warning
  $ sallyport policy lint --at 2027-01-01T00:00:00Z  date windows that ended before are over`

export const addLint: AddPolicyCommand = (policy, terminal, onExit) => {
  policy
    .command('lint')
    .description('report what is probably not meant')
    .argument('[directory]', 'policy directory')
    .option('-c, --config <file>', 'configuration file that names the directory, providers and trusted proxies')
    .option('--at <time>', 'report rows and date windows that are over then, or end soon (default: now)')
    .option('--strict', 'exit with 1 when there is a warning')
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action(async (directory: string | undefined, values: Values) => {
      const { lintDirectory } = await import('./lint.ts')
      onExit(await lintDirectory({ ...values, ...(directory === undefined ? {} : { directory }) }, terminal))
    })
}
