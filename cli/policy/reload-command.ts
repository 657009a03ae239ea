/** `sallyport policy reload`: tell a running service to load its policy again, and hear what came of it. */
import { type AdminValues, addAdminOptions } from '../admin/option.ts'
import type { AddPolicyCommand } from './add-policy-command.ts'

const help = `
Examples:
  $ sallyport policy reload                          the service of this machine
  $ sallyport policy reload --admin http://10.0.0.7:9181 --json

Exit codes: 0 it is in force, or was already; 1 it was refused and the last good one stays, or nobody answers.`

export const addReload: AddPolicyCommand = (policy, terminal, onExit) => {
  addAdminOptions(policy.command('reload').description('make a running service load its policy again'))
    .option('--force', 'also a policy under which nobody could open the console any more')
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action(async (values: AdminValues & { json?: boolean; force?: boolean }) => {
      const { reloadPolicy } = await import('./reload.ts')
      onExit(await reloadPolicy(values, terminal))
    })
}
