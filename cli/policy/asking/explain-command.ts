/** `sallyport policy explain`: why a request is decided as it is. */
import type { AddPolicyCommand } from '../add-policy-command.ts'
import { addAnswerOptions } from '../answer.ts'
import type { ExplainValues } from './explain.ts'
import { addFactOptions, addWhoOptions } from './who-options.ts'

const help = `
Asks with --url and --method, or by the id of a request that was decided: of the running service (--request), or of an
audit file and this policy (--audit --request), which lacks what audit events do not hold.

Examples:
  $ sallyport policy explain --as alice --groups ops --url https://wiki.example.com/admin --method POST
  $ sallyport policy explain --anonymous --url https://wiki.example.com/ --ip 10.0.0.1 --at 2026-01-01T10:00Z
  $ sallyport policy explain --as alice --url https://wiki.example.com/ --certificate san-dns=laptop-7.example.com
  $ sallyport policy explain --as alice --groups on-call --url kube:prod/shop/core/pods --method list
  $ sallyport policy explain --request 6a0c… --admin http://127.0.0.1:9181
  $ sallyport policy explain --request 6a0c… --audit audit.jsonl --json`

export const addExplain: AddPolicyCommand = (policy, terminal, onExit) => {
  const command = policy
    .command('explain')
    .description('why a request is decided as it is, row by row, and what would change it')
    .option('--url <url>', 'address of the request, or kube:<cluster>/<path>, or console/<path>')
    .option('--method <method>', 'method, or verb of a kube: domain (default: GET, get)')
    .option('--request <id>', 'explain the decision with this request id instead')
    .option('--admin <url>', 'admin listener of the service (default: admin.listen, or http://127.0.0.1:9181)')
    .option('--audit <file>', 'audit file that has the request')
    .option('--all', 'show rows of other paths as well')
  addAnswerOptions(addFactOptions(addWhoOptions(command)))
    .addHelpText('after', help)
    .action(async (values: ExplainValues) => {
      const { explainPolicy } = await import('./explain.ts')
      onExit(await explainPolicy(values, terminal))
    })
}
