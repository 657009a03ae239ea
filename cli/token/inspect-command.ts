/** `sallyport token inspect`: why a bearer token would be refused. */
import type { Command } from 'commander'
import { addInsecureOptions } from '../insecure-options.ts'
import { addFactOptions } from '../policy/asking/who-options.ts'
import type { Terminal } from '../terminal.ts'
import type { InspectValues } from './question.ts'

const help = `
Says what a token holds, which entry of machines.issuers it is of, whom it would stand for, and everything for which it
would be refused, in the words of the service and by the code of the service. Nothing is sent anywhere: keys are read
from jwksFile; where they are on another machine nobody knows who signed, which is said and counts as refused. With
--online they are read from there, as the service does.

The token comes from a file or from standard input. There is no option for it: a command line is seen by everybody on the
machine, and kept in a history. Of the token the header and the claims are shown, and never the signature.

With --host what that host takes decides (bearerFrom, bearerAudience, providers, maxAge); without, any issuer does. With
--url the policy is asked as well, as by "policy explain"; --at, --ip, --header and --certificate are for its conditions,
and --at for the token too.

With --certificate-file it is a client certificate that is looked at (machines.certificates): which machine it names, and everything
for which it would be refused. Of its file the certificate alone is read, so no key is needed. Whether it was revoked nobody knows.

Examples:
  $ sallyport token inspect --host wiki.example.com /var/run/sallyport/token
  $ kubectl create token deployer -n ci --audience=sallyport | sallyport token inspect
  $ sallyport token inspect token.txt --online --url https://wiki.example.com/deploy/now --method POST
  $ sallyport token inspect token.txt --at 2026-01-01T10:00Z --json     as it was at that time
  $ sallyport token inspect --certificate-file robot.pem --host wiki.example.com

Exit codes: 0 it counts (and, with --url, the policy allows); 1 it is refused, or nobody can tell; 2 the command line, the
configuration or the policy is wrong.`

export function addInspect(token: Command, terminal: Terminal, onExit: (code: number) => void): void {
  const command = token
    .command('inspect')
    .description('say what a token or a client certificate holds, and everything for which it would be refused')
    .argument('[file]', 'file with the token (default: standard input)')
    .option('--certificate-file <file>', 'look at this client certificate (PEM) in place of a token')
    .option('-c, --config <file>', 'configuration file (default: ./sallyport.yaml)')
    .option('--host <name>', 'host that the token is sent to')
    .option('--url <url>', 'address that is asked for with it: which row of the policy would decide')
    .option('--method <method>', 'with --url (default: GET)')
    .option('--online', 'read keys that are on other machines from there')
    .option('--json', 'print one JSON document')
  addInsecureOptions(addFactOptions(command))
    .addHelpText('after', help)
    .action(async (file: string | undefined, values: InspectValues) => {
      const { runInspect } = await import('./inspect.ts')
      onExit(await runInspect(file, values, terminal))
    })
}
