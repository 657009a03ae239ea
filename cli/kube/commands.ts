/** `sallyport kube …`: kubectl through a browser login. Also as `kubectl sallyport …`. */
import { type Command, Option } from 'commander'
import type { Terminal } from '../terminal.ts'
import { addOperatorCommands } from './operator/commands.ts'
import { addReachCommands } from './reach/commands.ts'
import { addExcess } from './reach/excess/commands.ts'
import { addInventory } from './reach/inventory/commands.ts'
import { addReview } from './reach/review-command.ts'
import { addRenderAuthentication } from './render-authentication.ts'
import type { CredentialChoice, KubeChoice, KubeconfigChoice, LoginChoice } from './run.ts'

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

const loginHelp = `
Opens a page of the auth host that asks whether kubectl on this computer may act as you. Where no browser can be shown (a
server, a session over ssh) it prints a code instead, to be entered in the browser of any device.

Examples:
  $ sallyport kube login --server https://auth.example.com
  $ sallyport kube login --no-browser               print the address; the browser has to be on this machine
  $ sallyport kube login --device                   print a code`

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

const logoutHelp = `
Ends what this machine has; tokens that were given out are good for the rest of their minutes. To end the whole session,
log out in the browser: with it ends every machine that hangs on it.

Examples:
  $ sallyport kube logout`

const addTo = (parent: Command, name: string, description: string, help: string): Command =>
  parent
    .command(name)
    .description(description)
    .option('--server <url>', 'the auth host, such as https://auth.example.com')
    .option('--ca-file <file>', 'certificates of whoever vouches for it, where this machine does not know them')
    .addHelpText('after', help)
const json = () => new Option('--json', 'print one JSON document')
const load = () => import('./run.ts')

type OnExit = (code: number) => void

const withLogin = (command: Command, terminal: Terminal, onExit: OnExit): Command =>
  command
    .option('--device', 'print a code for the browser of another device')
    .option('--no-browser', 'print the address instead of opening it')
    .addOption(json())
    .action(async (values: LoginChoice) => onExit(await (await load()).runLogin(values, terminal)))

const withLogout = (command: Command, terminal: Terminal, onExit: OnExit): Command =>
  command
    .addOption(json())
    .action(async (values: KubeChoice) => onExit(await (await load()).runLogout(values, terminal)))

const plainLoginHelp = `
The same as sallyport kube login, by a name for those who have no cluster: one login for kubectl and for tokens of hosts.

Examples:
  $ sallyport login --server https://auth.example.com
  $ sallyport token --host wiki.example.com --login`

const plainLogoutHelp = `
The same as sallyport kube logout. Tokens that were given out are good for the rest of their minutes.

Examples:
  $ sallyport logout`

/** What people without a cluster expect: `sallyport login` and `sallyport logout`. */
export function addLogin(program: Command, terminal: Terminal, onExit: OnExit): void {
  withLogin(addTo(program, 'login', 'log this command line in, in the browser', plainLoginHelp), terminal, onExit)
  withLogout(addTo(program, 'logout', 'end what this machine has of a login', plainLogoutHelp), terminal, onExit)
}

export function addKube(program: Command, terminal: Terminal, onExit: (code: number) => void): void {
  const kube = program
    .command('kube')
    .description('kubectl through a browser login')
    .helpCommand(false)
    .enablePositionalOptions()
  kube.addHelpText('after', kubeHelp)
  const add = (name: string, description: string, help: string): Command => addTo(kube, name, description, help)

  withLogin(add('login', 'log kubectl in, in the browser', loginHelp), terminal, onExit)
  add('credential', 'print a token for kubectl, which runs this by itself', credentialHelp)
    .option('--cluster <name>', 'which cluster (default: the one that kubectl names)')
    .action(async (values: CredentialChoice) => onExit(await (await load()).runCredential(values, terminal)))
  add('kubeconfig', 'print the entries of a kubeconfig, or put them into it', kubeconfigHelp)
    .option('--merge', 'put them into the file')
    .option('--kubeconfig <file>', 'which file (default: KUBECONFIG, else ~/.kube/config)')
    .option('--cluster <name...>', 'only these clusters')
    .option('--command <path>', 'what kubectl is to run', 'sallyport')
    .addOption(json())
    .action(async ({ kubeconfig, ...values }: KubeconfigChoice & { readonly kubeconfig?: string }) => {
      const choice = { ...values, ...(kubeconfig !== undefined && { file: kubeconfig }) }
      onExit(await (await load()).runKubeconfig(choice, terminal))
    })
  add('clusters', 'which clusters there are', clustersHelp)
    .addOption(json())
    .action(async (values: KubeChoice) => onExit(await (await load()).runClusters(values, terminal)))
  add('whoami', 'who kubectl is logged in as', whoamiHelp)
    .addOption(json())
    .action(async (values: KubeChoice) => onExit(await (await load()).runWhoami(values, terminal)))
  withLogout(add('logout', 'end what this machine has', logoutHelp), terminal, onExit)
  const render = addOperatorCommands(kube, terminal, onExit)
  addRenderAuthentication(render, terminal, onExit)
  addReview(kube, terminal, onExit)
  addReachCommands(kube, terminal, onExit)
  addExcess(kube, terminal, onExit)
  addInventory(kube, terminal, onExit)
}
