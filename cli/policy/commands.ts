/** `sallyport policy …`: what can be asked of a policy without running the service. Each subcommand adds itself. */
import type { AddPolicyCommand } from './add-policy-command.ts'
import { addCheck } from './check-command.ts'
import { addReload } from './reload-command.ts'

const subcommands: readonly AddPolicyCommand[] = [addCheck, addReload]

const policyHelp = `
The policy is the directory that is named, else policy.directory of the configuration (--config, SALLYPORT_CONFIG or
./sallyport.yaml), else ./policy.

Examples:
  $ sallyport policy check                           every mistake of every file
  $ sallyport policy check ./candidate --json
  $ sallyport policy reload                          make the running service load it again`

export const addPolicy: AddPolicyCommand = (program, terminal, onExit) => {
  const policy = program.command('policy').description('check and question a policy').helpCommand(false)
  policy.addHelpText('after', policyHelp)
  for (const add of subcommands) add(policy, terminal, onExit)
}
