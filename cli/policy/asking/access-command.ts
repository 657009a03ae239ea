/** `sallyport policy access`: what somebody can reach. */

import type { AddPolicyCommand } from '../add-policy-command.ts'
import { addAnswerOptions } from '../answer.ts'
import type { AccessValues } from './access.ts'
import { addFactOptions, addWhoOptions } from './who-options.ts'

const help = `
Lists the rows that speak of this identity. A request is allowed when an allow entry covers it with a condition that
holds and no deny entry covers it, unless that one's condition is certainly false. "now" says how conditions are with
the facts that are given. In a cluster a call can be several of them at once (docs/policy.md, "Kubernetes"): entries that
allow one only in part are named below; "policy explain" answers for a single call.

Examples:
  $ sallyport policy access --as alice --groups ops,sre
  $ sallyport policy access --as client:corp/robot --json
  $ sallyport policy access --anonymous --ip 10.0.0.1`

export const addAccess: AddPolicyCommand = (policy, terminal, onExit) => {
  const command = policy.command('access').description('domains, paths and actions that somebody can reach')
  addAnswerOptions(addFactOptions(addWhoOptions(command)))
    .addHelpText('after', help)
    .action(async (values: AccessValues) => {
      const { printAccess } = await import('./access.ts')
      onExit(await printAccess(values, terminal))
    })
}
