/** `sallyport policy import`: the rules of another program as rows. */
import { Argument } from 'commander'
import type { AddPolicyCommand } from './add-policy-command.ts'
import type { ImportChoice } from './import.ts'

const help = `
Nothing becomes wider than it was: what no row can say is left out and listed, with file and line.

Examples:
  $ sallyport policy import authelia configuration.yml --output policy
  $ sallyport policy import pomerium config.yaml --json
  $ sallyport policy import oauth2-proxy oauth2-proxy.cfg --host app.example.com`

export const addImport: AddPolicyCommand = (policy, terminal, onExit) => {
  policy
    .command('import')
    .description('convert the rules of another program, as far as rows can say them')
    .addArgument(new Argument('<format>', 'what wrote the file').choices(['authelia', 'pomerium', 'oauth2-proxy']))
    .argument('<file>', 'its rules')
    .option('-o, --output <directory>', 'write the files there instead of printing them')
    .option('--host <host>', 'the host that oauth2-proxy stands before')
    .option('--username-claim <claim>', 'claim with the user names of the old program, which nobody may choose freely')
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action(async (format: ImportChoice['format'], file: string, values: Omit<ImportChoice, 'format' | 'file'>) => {
      const { importPolicy } = await import('./import.ts')
      onExit(await importPolicy({ ...values, format, file }, terminal))
    })
}
