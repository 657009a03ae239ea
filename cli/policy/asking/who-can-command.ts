/** `sallyport policy who-can`: who is allowed to do something. */
import type { AddPolicyCommand } from '../add-policy-command.ts'
import { type AnswerValues, addAnswerOptions } from '../answer.ts'

const help = `
Roles are expanded to their members. Somebody who answers to a subject of a deny row as well is denied.

Examples:
  $ sallyport policy who-can GET https://wiki.example.com/admin
  $ sallyport policy who-can create kube:prod /shop/core/pods/web-0/exec --json`

export const addWhoCan: AddPolicyCommand = (policy, terminal, onExit) => {
  const command = policy
    .command('who-can')
    .description('who is allowed to do something, and under which conditions')
    .argument('<action>', 'method, or verb of a kube: domain')
    .argument('<address>', 'address, or kube:<cluster> or console')
    .argument('[path]', 'path in a kube: domain or the console')
  addAnswerOptions(command)
    .addHelpText('after', help)
    .action(async (action: string, address: string, path: string | undefined, values: AnswerValues) => {
      const { printWhoCan } = await import('./who-can.ts')
      onExit(await printWhoCan([action, address, ...(path === undefined ? [] : [path])].join(' '), values, terminal))
    })
}
