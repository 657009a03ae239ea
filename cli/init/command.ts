/** `sallyport init [directory]`. */
import { Option } from 'commander'
import type { DefineCommand } from '../define-command.ts'
import { proxies } from './questions.ts'

const help = `
Asks five questions and writes what it takes to start: sallyport.yaml, two secrets, a policy with its test, and the files of the
proxy. Then it reads all of it as \`serve\` would. What an option says is not asked; where nobody can be asked, it tells which
options are missing. A file that is there is never overwritten: then nothing is written at all.

  1  where people log in: a host of its own, such as https://auth.example.com
  2  the issuer of the OpenID provider
  3  the client that it knows this service by, and its secret
  4  the first application: its host, and where it listens
  5  the proxy in front, and the certificate with which it ends TLS (Caddy gets its own)

Examples:
  $ sallyport init                                            asks, and writes into this folder
  $ sallyport init /etc/sallyport
  $ sallyport init --listen unix:/run/sallyport/check.sock    a socket in place of the port 127.0.0.1:9180
  $ sallyport init --url http://auth.localhost:8080 --issuer http://idp.localhost:9000 --client-secret-file ./oidc.secret \\
      --host wiki.localhost=127.0.0.1:3000 --proxy nginx      asks nothing

Exit codes: 0 all is written and would start; 1 a file cannot be written, or one is there; 2 an answer cannot be used.`

export const defineInit: DefineCommand = (command, terminal, onExit) => {
  command
    .argument('[directory]', 'where to (default: this folder)')
    .option('--url <address>', 'where people log in')
    .option('--issuer <address>', 'issuer of the OpenID provider')
    .option('--client-id <name>', 'what it calls this service (default: sallyport)')
    .option('--client-secret-file <file>', 'file that holds the secret of the client, or will')
    .option('--host <host=address>', 'an application: its host, and where it listens')
    .addOption(new Option('--proxy <name>', 'the proxy in front').choices(proxies))
    .option('--listen <address>', 'where the proxy asks: host:port, or unix: and the path of a socket')
    .option('--tls-certificate <path>', 'certificate with which the proxy ends TLS, on its machine')
    .option('--tls-key <path>', 'its key')
    .addHelpText('after', help)
    .action(async (directory: string | undefined, values: Readonly<Record<string, string>>) => {
      const [{ runInit }, { createAsk }] = await Promise.all([import('./run.ts'), import('./ask.ts')])
      const dialogue = createAsk()
      try {
        onExit(await runInit({ ...values, ...(directory === undefined ? {} : { directory }) }, terminal, dialogue?.ask))
      } finally {
        dialogue?.close()
      }
    })
}
