/** `sallyport kube …`: kubectl through a browser login. Also as `kubectl sallyport …`. */
import type { Command } from 'commander'
import type { DefineCommand } from '../define-command.ts'
import { addAsking, addKubectlLogin, addKubectlLogout, json, loadKube } from './login-commands.ts'
import { addOperatorCommands } from './operator/commands.ts'
import { addReachCommands } from './reach/commands.ts'
import { addExcess } from './reach/excess/commands.ts'
import { addInventory } from './reach/inventory/commands.ts'
import { addReview } from './reach/review-command.ts'
import { addRenderAuthentication } from './render-authentication.ts'
import type { CredentialChoice, KubeChoice, KubeconfigChoice } from './run.ts'

const kubeHelp = `
The auth host is --server, else SALLYPORT_KUBE_SERVER, else that of the last login. Tokens live minutes, are for one
cluster each, and end with the login session; what is kept stands in ~/.kube/cache/sallyport (or below XDG_CACHE_HOME), for
this account alone. With a link named kubectl-sallyport on the PATH all of it is "kubectl sallyport …" as well.

Examples:
  $ sallyport kube login --server https://auth.example.com
  $ sallyport kube kubeconfig --merge               then kubectl needs nothing more
  $ kubectl --context sallyport-prod get pods
  $ sallyport kube whoami

Of whoever runs the gateway:
  $ sallyport kube render | kubectl apply --server-side -f -
  $ sallyport kube reconcile --cluster prod --dry-run

Of whoever answers for a cluster:
  $ sallyport kube review
  $ sallyport kube who-can create pods/exec
  $ sallyport kube what-can payments/deployer
  $ sallyport kube inventory
  $ sallyport kube excess --audit audit.log

Exit codes: 0 it worked; 1 it failed, or somebody has to log in; 2 the command line cannot be read.`

const credentialHelp = `
An exec credential plugin (client.authentication.k8s.io/v1): kubectl runs it, and "kube kubeconfig" writes how. It never
opens a browser when kubectl says that nobody is there (interactive: false), and at most once for somebody who did not run
"kube login". Each run asks whether the session still stands; the reason of a refusal is on standard error.

Examples:
  $ sallyport kube credential --cluster prod        what kubectl gets; it is a secret`

const kubeconfigHelp = `
With --merge the entries go into --kubeconfig, else the first file of KUBECONFIG, else ~/.kube/config: entries of others and
comments stay, and the file as it was stands beside it as ….sallyport-backup.

Examples:
  $ sallyport kube kubeconfig > prod.yaml
  $ sallyport kube kubeconfig --merge
  $ sallyport kube kubeconfig --merge --cluster prod --kubeconfig ~/.kube/work`

const clustersHelp = `
Examples:
  $ sallyport kube clusters
  $ sallyport kube clusters --json | jq -r '.clusters[].name'`

const whoamiHelp = `
Examples:
  $ sallyport kube whoami
  $ sallyport kube whoami --json | jq .groups`

export const defineKube: DefineCommand = (kube, terminal, onExit) => {
  kube.helpCommand(false).enablePositionalOptions().addHelpText('after', kubeHelp)
  const add = (name: string, description: string, help: string): Command => addAsking(kube, name, description, help)

  addKubectlLogin(kube, terminal, onExit)
  add('credential', 'print a token for kubectl, which runs this by itself', credentialHelp)
    .option('--cluster <name>', 'which cluster (default: the one that kubectl names)')
    .action(async (values: CredentialChoice) => onExit(await (await loadKube()).runCredential(values, terminal)))
  add('kubeconfig', 'print the entries of a kubeconfig, or put them into it', kubeconfigHelp)
    .option('--merge', 'put them into the file')
    .option('--kubeconfig <file>', 'which file (default: KUBECONFIG, else ~/.kube/config)')
    .option('--cluster <name...>', 'only these clusters')
    .option('--command <path>', 'what kubectl is to run', 'sallyport')
    .addOption(json())
    .action(async ({ kubeconfig, ...values }: KubeconfigChoice & { readonly kubeconfig?: string }) => {
      const choice = { ...values, ...(kubeconfig !== undefined && { file: kubeconfig }) }
      onExit(await (await loadKube()).runKubeconfig(choice, terminal))
    })
  add('clusters', 'which clusters there are', clustersHelp)
    .addOption(json())
    .action(async (values: KubeChoice) => onExit(await (await loadKube()).runClusters(values, terminal)))
  add('whoami', 'who kubectl is logged in as', whoamiHelp)
    .addOption(json())
    .action(async (values: KubeChoice) => onExit(await (await loadKube()).runWhoami(values, terminal)))
  addKubectlLogout(kube, terminal, onExit)
  const render = addOperatorCommands(kube, terminal, onExit)
  addRenderAuthentication(render, terminal, onExit)
  addReview(kube, terminal, onExit)
  addReachCommands(kube, terminal, onExit)
  addExcess(kube, terminal, onExit)
  addInventory(kube, terminal, onExit)
}
