/** `sallyport token --host …`: a token for one host, out of the one that a platform made. */
import type { Command } from 'commander'
import type { Terminal } from '../terminal.ts'
import type { ExchangeValues } from './exchange.ts'

const help = `
With --host it makes a token for that host and prints it: good for some minutes, there and nowhere else, as whoever the token
stands for that you give. The auth host decides by its policy (rows of the domain "tokens") who may have one.

The token that you give is that of your platform: of a Kubernetes service account, of a CI job, of a client of an OpenID
provider. It comes from --token-file, from the variable that --token-env names, or from standard input; never from the
command line, which everybody on the machine can read. With --actor-file a second one says who acts for the first.

People need none: whoever has logged in here (sallyport login) gets a token as themselves, with --login, or where none of these
is given and standard input is a terminal. It ends with the login session at the latest.

With --certificate-file and --key-file the new token is bound to that client certificate (RFC 8705): it counts on connections
that are made with it and on no others.

With --cluster it makes a token for kubectl, behind the gateway to that cluster; with --exec-credential as well it is what a
kubeconfig names as a plugin (users[].user.exec).

The auth host is --server, else SALLYPORT_TOKEN_SERVER, else (for people) that of the last login. What is printed is a secret: keep it out of logs.

Examples:
  $ sallyport token --host wiki.example.com --login | sed 's/^/Authorization: Bearer /' |
    curl -H @- https://wiki.example.com/
  $ sallyport token --server https://auth.example.com --host wiki.example.com --token-file /var/run/sallyport/token
  $ kubectl create token deployer -n ci --audience=sallyport | sallyport token --host wiki.example.com
  $ token=$(sallyport token --host wiki.example.com --token-env SALLYPORT_ID_TOKEN --scope read)
    curl -H "Authorization: Bearer $token" https://wiki.example.com/build/1
  $ sallyport token --host wiki.example.com --json < token | jq .expires_in
  $ sallyport token inspect token.txt               why a token would be refused

Exit codes: 0 it worked; 1 the auth host said no, or did not answer, or somebody has to log in; 2 the command line cannot be read, or there is no token.`

export function addExchange(token: Command, terminal: Terminal, onExit: (code: number) => void): void {
  token
    .option('--host <name>', 'make a token for this host: wiki.example.com or https://wiki.example.com')
    .option('--cluster <name>', 'make a token for kubectl at this cluster')
    .option('--exec-credential', 'print it as kubectl wants it of a plugin, with --cluster')
    .option('--server <url>', 'the auth host, such as https://auth.example.com')
    .option('--token-file <file>', 'file with the token that is exchanged (default: standard input)')
    .option('--token-env <name>', 'variable of the environment with that token')
    .option('--login', 'as whoever has logged in on this machine (default: if standard input is a terminal)')
    .option('--actor-file <file>', 'file with the token of whoever acts for the first')
    .option('--certificate-file <file>', 'client certificate (PEM) to which the new token is bound, with --key-file')
    .option('--key-file <file>', 'its key; the auth host has to ask for certificates')
    .option('--scope <words>', 'what it is to do at most: read, write and methods (default: whatever rows allow)')
    .option(
      '--ca-file <file>',
      'certificates of whoever vouches for the auth host, where this machine does not know them',
    )
    .option('--json', 'print the whole answer')
    .addHelpText('after', help)
    .action(async (values: ExchangeValues) => {
      if (values.host === undefined && values.cluster === undefined) return token.help({ error: true })
      const { runExchange } = await import('./exchange.ts')
      onExit(await runExchange(values, terminal))
    })
}
