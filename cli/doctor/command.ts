/** `sallyport doctor <url…>`. */
import type { Command } from 'commander'
import type { Terminal } from '../terminal.ts'

const help = `
Asks your own proxy, as it runs, what an attacker would ask, as a stranger and without a cookie. It talks to the hosts
of the addresses that you give, and to nothing else; it follows no redirect and changes nothing. Give addresses that
are yours: some of the requests are attacks, and will stand in the logs as such.

Give two addresses of each host: one that everybody may open, and one that asks for a login. Some probes need the one,
some the other, and say so.

  upgrade-tokens   only a WebSocket may switch protocols; h2c would be a tunnel past every check
  header-floods    1,100 lines or 40 KB of headers are refused: never a page that needs a login, never a 5xx
  odd-targets      CONNECT, * and other targets that name no path are refused

Examples:
  $ sallyport doctor https://wiki.example.com/public/ https://wiki.example.com/
  $ sallyport doctor --json https://wiki.example.com/      for a pipeline: exit code 1 when a probe fails

Exit codes: 0 nothing failed; 1 a probe failed, or an address cannot be reached; 2 the command line is wrong.`

interface Values {
  readonly json?: boolean
}

export function addDoctor(program: Command, terminal: Terminal, onExit: (code: number) => void): void {
  program
    .command('doctor')
    .description('try on your own proxy, as it runs, what an attacker would')
    .argument('<url...>', 'pages behind the proxy, such as https://wiki.example.com/')
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action(async (addresses: readonly string[], { json = false }: Values) => {
      const { runDoctor } = await import('./doctor.ts')
      onExit(await runDoctor(addresses, { json }, terminal))
    })
}
