/** `sallyport policy check`: is this a policy, and if not, why. */
import type { AddPolicyCommand } from './add-policy-command.ts'

const help = `
Examples:
  $ sallyport policy check                           the policy of ./sallyport.yaml
  $ sallyport policy check ./policy --json`

export const addCheck: AddPolicyCommand = (policy, terminal, onExit) => {
  policy
    .command('check')
    .description('report every mistake of a policy directory, and every test of it that fails')
    .argument('[directory]', 'policy directory')
    .option('-c, --config <file>', 'configuration file that names the directory and the providers')
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action(async (directory: string | undefined, values: { config?: string; json?: boolean }) => {
      const { checkPolicy } = await import('./check.ts')
      onExit(await checkPolicy({ ...values, ...(directory === undefined ? {} : { directory }) }, terminal))
    })
}
