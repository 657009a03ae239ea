/** `sallyport login` and `sallyport logout`, which are `kube login` and `kube logout` as well. */
import { type Command, Option } from 'commander'
import type { Terminal } from '../terminal.ts'
import type { KubeChoice, LoginChoice } from './run.ts'

const loginHelp = `
Opens a page of the auth host that asks whether kubectl on this computer may act as you. Where no browser can be shown (a
server, a session over ssh) it prints a code instead, to be entered in the browser of any device.

Examples:
  $ sallyport kube login --server https://auth.example.com
  $ sallyport kube login --no-browser               print the address; the browser has to be on this machine
  $ sallyport kube login --device                   print a code`

const logoutHelp = `
Ends what this machine has; tokens that were given out are good for the rest of their minutes. To end the whole session,
log out in the browser: with it ends every machine that hangs on it.

Examples:
  $ sallyport kube logout`

/** A command that speaks with the auth host. */
export const addAsking = (parent: Command, name: string, description: string, help: string): Command =>
  parent
    .command(name)
    .description(description)
    .option('--server <url>', 'the auth host, such as https://auth.example.com')
    .option('--ca-file <file>', 'certificates of whoever vouches for it, where this machine does not know them')
    .addHelpText('after', help)
export const json = () => new Option('--json', 'print one JSON document')
export const loadKube = () => import('./run.ts')

type OnExit = (code: number) => void

const withLogin = (command: Command, terminal: Terminal, onExit: OnExit): Command =>
  command
    .option('--device', 'print a code for the browser of another device')
    .option('--no-browser', 'print the address instead of opening it')
    .addOption(json())
    .action(async (values: LoginChoice) => onExit(await (await loadKube()).runLogin(values, terminal)))

const withLogout = (command: Command, terminal: Terminal, onExit: OnExit): Command =>
  command
    .addOption(json())
    .action(async (values: KubeChoice) => onExit(await (await loadKube()).runLogout(values, terminal)))

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
  withLogin(addAsking(program, 'login', 'log this command line in, in the browser', plainLoginHelp), terminal, onExit)
  withLogout(addAsking(program, 'logout', 'end what this machine has of a login', plainLogoutHelp), terminal, onExit)
}

export function addKubectlLogin(kube: Command, terminal: Terminal, onExit: OnExit): void {
  withLogin(addAsking(kube, 'login', 'log kubectl in, in the browser', loginHelp), terminal, onExit)
}

export function addKubectlLogout(kube: Command, terminal: Terminal, onExit: OnExit): void {
  withLogout(addAsking(kube, 'logout', 'end what this machine has', logoutHelp), terminal, onExit)
}
