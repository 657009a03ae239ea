/** `sallyport policy explain`: why a request is decided as it is. */
import { addAdminOption } from '../../admin/option.ts'
import type { AddPolicyCommand } from '../add-policy-command.ts'
import { addAnswerOptions } from '../answer.ts'
import type { ExplainValues } from './explain.ts'
import { addFactOptions, addWhoOptions } from './who-options.ts'

const help = `
Asks with an action and an address (or --method and --url), or by the id of a request that was decided: of the running
service (--request), or of an audit file and this policy (--audit --request), which lacks what audit events do not hold.

Of a cluster either in the verbs and paths of rows, where "apply" is a server-side apply, or as HTTP has the call, with a
method in capitals and, where they matter, --header content-type=… and --header upgrade=…. A call can be several questions:
each is shown, and the answer is the gateway's.

Examples:
  $ sallyport policy explain --as alice --groups ops --url https://wiki.example.com/admin --method POST
  $ sallyport policy explain --anonymous --url https://wiki.example.com/ --ip 10.0.0.1 --at 2026-01-01T10:00Z
  $ sallyport policy explain --as alice --url https://wiki.example.com/ --certificate san-dns=laptop-7.example.com
  $ sallyport policy explain --as alice --groups ops create kube:prod /payments/core/pods/web-0/exec
  $ sallyport policy explain --as alice --groups ops apply kube:prod /payments/core/configmaps/web
  $ sallyport policy explain --as alice PATCH kube:prod /api/v1/namespaces/payments/configmaps/web \\
      --header content-type=application/apply-patch+yaml
  $ sallyport policy explain --as alice --groups on-call --url kube:prod/shop/core/pods --method list
  $ sallyport policy explain --request 6a0c… --admin http://127.0.0.1:9181
  $ sallyport policy explain --request 6a0c… --audit audit.jsonl --json`

export const addExplain: AddPolicyCommand = (policy, terminal, onExit) => {
  const command = policy
    .command('explain')
    .description('why a request is decided as it is, row by row, and what would change it')
    .argument('[action]', 'method, or verb of a kube: domain')
    .argument('[address]', 'address, or kube:<cluster> or console')
    .argument('[path]', 'path in a kube: domain or the console')
    .option('--url <url>', 'address of the request, or kube:<cluster>/<path>, or console/<path>')
    .option('--method <method>', 'method, or verb of a kube: domain (default: GET, get)')
    .option('--request <id>', 'explain the decision with this request id instead')
    .option('--audit <file>', 'audit file that has the request')
    .option('--all', 'show rows of other paths as well')
  addAnswerOptions(addFactOptions(addWhoOptions(addAdminOption(command))))
    .addHelpText('after', help)
    .action(async (...given: readonly unknown[]) => {
      const { explainPolicy } = await import('./explain.ts')
      const [words, values] = [given.slice(0, 3), given[3] as ExplainValues]
      const question = words.filter(word => typeof word === 'string')
      onExit(await explainPolicy({ ...values, question }, terminal))
    })
}
