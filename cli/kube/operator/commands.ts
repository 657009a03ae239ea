/** `sallyport kube render` and `sallyport kube reconcile`: what the gateway needs in a cluster, for whoever runs it. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type ImpersonationMode, impersonationModes } from '../../../app/kubernetes/rights/impersonation-mode.ts'
import type { RoleHolder } from '../../../app/kubernetes/rights/role-objects.ts'
import { addAdminOption } from '../../admin/option.ts'
import type { Terminal } from '../../terminal.ts'
import type { OperatorChoice, Part, ReconcileChoice } from './choice.ts'

const who = `
The role names everybody for whom the gateway may speak: the people and groups that rows of kube:<cluster> name, and those
who are logged in, with all of their groups. The policy is that of the configuration; who is logged in is asked of the
running service at --admin, or read from --sessions. Whoever has not logged in yet is not in it, and standard error says so.
Nobody gets a rule for everybody.`

const renderHelp = `${who}

legacy is the verb impersonate. constrained (KEP-5284, Kubernetes 1.36) also caps what the gateway does as people to what the
policy allows; a right that is taken away there goes on working for up to 10 seconds, since the API server remembers it.

Examples:
  $ sallyport kube render | kubectl apply --server-side -f -
  $ sallyport kube render --only role --cluster prod
  $ sallyport kube render --only role --mode constrained --offline
  $ sallyport kube render --only role --json | jq .notCovered

Exit codes: 0 it worked; 1 it failed; 2 the command line, the configuration or the policy is wrong.`

const reconcileHelp = `${who}

Without --kubeconfig it is the gateway's own credential, which the API server lets take names away where it may patch the
role, and never add any: give the right to escalate to an account of its own, not to the gateway. A role that has not the
label app.kubernetes.io/managed-by: sallyport is left as it is.

Examples:
  $ sallyport kube reconcile --cluster prod --dry-run
  $ sallyport kube reconcile --cluster prod --kubeconfig reconciler.kubeconfig
  $ sallyport kube reconcile --kubeconfig reconciler.kubeconfig --watch --every 5

Exit codes: 0 it worked, or nothing had to change; 1 it failed; 2 the command line, the configuration or the policy is wrong.`

interface Values {
  readonly config?: string
  readonly cluster?: string
  readonly mode?: ImpersonationMode
  readonly account: RoleHolder
  readonly user?: string
  readonly admin?: string
  readonly sessions?: string
  readonly offline?: boolean
  readonly json?: boolean
  readonly only?: Part
  readonly dryRun?: boolean
  readonly watch?: boolean
  readonly every?: number
  readonly kubeconfig?: string
  readonly context?: string
}

/** @returns the command `render`, for whatever else is printed for clusters */
export function addOperatorCommands(kube: Command, terminal: Terminal, onExit: (code: number) => void): Command {
  const add = (name: string, description: string, help: string): Command =>
    addAdminOption(kube.command(name))
      .description(description)
      .helpCommand(false)
      .option('-c, --config <file>', 'configuration file (default: ./sallyport.yaml)')
      .option('--cluster <name>', 'which cluster of the configuration (needed where there are several)')
      .addOption(
        new Option('--mode <mode>', 'default: kubernetes.clusters[].impersonation').choices([...impersonationModes]),
      )
      .addOption(
        new Option('--account <namespace/name>', 'service account of the gateway')
          .argParser(readAccount)
          .default({ kind: 'ServiceAccount', namespace: 'sallyport', name: 'sallyport' }, 'sallyport/sallyport'),
      )
      .option('--user <name>', 'what the gateway is called, where it is no service account')
      .option('--sessions <file>', 'who is logged in, as "sallyport sessions list --all --json" prints it')
      .option('--offline', 'by the policy alone: nobody is asked who is logged in')
      .option('--json', 'print one JSON document')
      .addHelpText('after', help)

  const render = add('render', 'print what the gateway needs in a cluster', renderHelp)
    .addOption(new Option('--only <part>', 'role: no namespace, deployment or service').choices(['role']))
    .action(async (values: Values) => {
      const { runRender } = await import('./render.ts')
      onExit(await runRender({ ...choiceOf(values), only: values.only ?? 'all' }, terminal))
    })
  add('reconcile', 'make the role of the gateway the exact one', reconcileHelp)
    .option('--dry-run', 'change nothing, and print what would be')
    .option('--watch', 'go on until it is ended')
    .addOption(new Option('--every <seconds>', 'with --watch: how often').argParser(readSeconds).default(5))
    .option('--kubeconfig <file>', 'as whom (default: the credential of the configuration)')
    .option('--context <name>', 'with --kubeconfig: which context of it')
    .action(async (values: Values) => {
      const { runReconcile } = await import('./reconcile.ts')
      onExit(await runReconcile(reconcileChoiceOf(values), terminal))
    })
  return render
}

const choiceOf = (values: Values): OperatorChoice => ({
  ...(values.config !== undefined && { config: values.config }),
  ...(values.cluster !== undefined && { cluster: values.cluster }),
  ...(values.mode !== undefined && { mode: values.mode }),
  holder: values.user === undefined ? values.account : { kind: 'User', name: values.user },
  ...(values.admin !== undefined && { admin: values.admin }),
  ...(values.sessions !== undefined && { sessions: values.sessions }),
  isOffline: values.offline === true,
  json: values.json === true,
})

const reconcileChoiceOf = (values: Values): ReconcileChoice => ({
  ...choiceOf(values),
  isDryRun: values.dryRun === true,
  ...(values.watch === true && { everySeconds: values.every ?? 5 }),
  ...(values.kubeconfig !== undefined && { kubeconfig: values.kubeconfig }),
  ...(values.context !== undefined && { context: values.context }),
})

function readAccount(text: string): RoleHolder {
  const [, namespace, name] = /^([a-z0-9-]{1,63})\/([a-z0-9.-]{1,253})$/.exec(text) ?? []
  if (namespace === undefined || name === undefined)
    throw new InvalidArgumentError('A service account is written <namespace>/<name>.')
  return { kind: 'ServiceAccount', namespace, name }
}

function readSeconds(text: string): number {
  const seconds = Number(text)
  if (/^\d{1,5}$/.test(text) && seconds >= 1) return seconds
  throw new InvalidArgumentError('A number of seconds, at least 1.')
}
