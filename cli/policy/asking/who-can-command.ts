/** `sallyport policy who-can`: who is allowed to do something. */
import type { AddPolicyCommand } from '../add-policy-command.ts'
import { addAnswerOptions } from '../answer.ts'
import type { WhoCanValues } from './who-can.ts'
import { collect } from './who-options.ts'

const help = `
Roles are expanded to their members. Somebody who answers to a subject of a deny row as well is denied. A call to a cluster
can be several questions: who is listed alone may all of it; who is listed with what they lack may it together with that.

Examples:
  $ sallyport policy who-can GET https://wiki.example.com/admin
  $ sallyport policy who-can create kube:prod /payments/core/pods/web-0/exec --json
  $ sallyport policy who-can apply kube:prod /payments/core/configmaps/web
  $ sallyport policy who-can PUT kube:prod /api/v1/namespaces/payments/services/web`

export const addWhoCan: AddPolicyCommand = (policy, terminal, onExit) => {
  const command = policy
    .command('who-can')
    .description('who is allowed to do something, and under which conditions')
    .argument('<action>', 'method, or verb of a kube: domain')
    .argument('<address>', 'address, or kube:<cluster> or console')
    .argument('[path]', 'path in a kube: domain or the console')
    .option('--header <name=value>', 'a header of a call to a cluster: content-type, upgrade (repeatable)', collect)
  addAnswerOptions(command)
    .addHelpText('after', help)
    .action(async (action: string, address: string, path: string | undefined, values: WhoCanValues) => {
      const { printWhoCan } = await import('./who-can.ts')
      onExit(await printWhoCan([action, address, ...(path === undefined ? [] : [path])].join(' '), values, terminal))
    })
}
