/** `sallyport doctor [url…]`. */
import type { Command } from 'commander'
import { addInsecureOptions, insecureOptionsOf } from '../insecure-options.ts'
import type { Terminal } from '../terminal.ts'

const help = `
Without addresses it looks at what the configuration names, from this machine:

  provider-discovery  each provider is found, is who it should be and knows PKCE
  provider-keys       it has keys to sign with, and none that anybody knows
  clock-skew          its clock and ours agree
  redirect-uri        it knows where logins lead back to
  store-latency       the store answers, and soon
  store-eviction      it makes no room by forgetting sessions
  cookie-domain       browsers send the cookie to every host of the policy

With addresses it asks your own proxy, as it runs, what an attacker would ask, as a stranger and without a cookie. It talks
to the hosts of the addresses that you give and to nothing else; it follows no redirect and changes nothing. Give
addresses that are yours: some of the requests are attacks, and will stand in the logs as such. With --config it does both,
and holds what a stranger gets against the policy.

Give two addresses of each host: one that everybody may open, and one that asks for a login. Some probes need the one,
some the other, and say so.

  as-the-policy-says  a stranger gets in where the policy says so: a site that nobody asks about, a missing deny
  any-request         a login is asked for whatever the method, with WebSockets, tokens and names of monitors as well
  host-names          and under every name: in capitals, with a dot, under names that the proxy does not know
  forged-origins      X-Forwarded-*, X-Original-* and their like change nothing, in any spelling
  identity-headers    no client says for itself who it is
  encoded-paths       no spelling of a path gets past its rule
  check-answers       what the check answers reaches the proxy alone
  upgrade-tokens      only a WebSocket may switch protocols; h2c would be a tunnel past every check
  header-floods       1,100 lines or 40 KB of headers are refused: never a page that needs a login, never a 5xx
  odd-targets         CONNECT, * and other targets that name no path are refused

What a proxy does when its check does not answer can only be seen while it does not: with --stopped, after you have stopped
the service, the one probe is

  fails-closed        nobody passes: neither a missing deny nor a check that fails open

Examples:
  $ sallyport doctor                                          what ./sallyport.yaml names
  $ sallyport doctor https://wiki.example.com/public/ https://wiki.example.com/secrets
  $ sallyport doctor --config sallyport.yaml https://wiki.example.com/public/ https://wiki.example.com/secrets
  $ sallyport doctor --stopped https://wiki.example.com/      while the service is stopped
  $ sallyport doctor --json https://wiki.example.com/         for a pipeline: exit code 1 when a probe fails

Exit codes: 0 nothing failed; 1 a probe failed, or an address cannot be reached; 2 the command line, the configuration or
the policy is wrong.`

interface Values {
  readonly json?: boolean
  readonly config?: string
  readonly stopped?: boolean
}

export function addDoctor(program: Command, terminal: Terminal, onExit: (code: number) => void): void {
  const command = program
    .command('doctor')
    .description('look at what the configuration names, and try on your own proxy what an attacker would')
    .argument('[url...]', 'pages behind the proxy, such as https://wiki.example.com/')
    .option('-c, --config <file>', 'configuration file (default without addresses: ./sallyport.yaml)')
  addInsecureOptions(command)
    .option('--stopped', 'the service has been stopped: see that nobody passes now')
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action(async (addresses: readonly string[], values: Values) => {
      const { runDoctor } = await import('./doctor.ts')
      const { json = false, stopped: isStopped = false, config } = values
      const allowInsecure = insecureOptionsOf({ ...values })
      const choice = { json, isStopped, allowInsecure, ...(config === undefined ? {} : { config }) }
      onExit(await runDoctor(addresses, choice, terminal))
    })
}
