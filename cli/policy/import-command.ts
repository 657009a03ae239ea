/** `sallyport policy import`: the rules of another program as rows. */
import { Argument } from 'commander'
import type { AddPolicyCommand } from './add-policy-command.ts'
import { formatNames } from './import/format-names.ts'
import type { ImportChoice } from './import.ts'

const help = `
Nothing becomes wider than it was: what no row can say is left out and listed, with file and line.

Exits with 1 when not one row came of it.

Examples:
  $ sallyport policy import authelia configuration.yml --output policy
  $ sallyport policy import authelia configuration.yml --set DOMAIN=example.com
  $ sallyport policy import pomerium config.yaml --json
  $ sallyport policy import oauth2-proxy oauth2-proxy.cfg --host app.example.com
  $ sallyport policy import traefik-forward-auth forward.ini --output policy
  $ sallyport policy import vouch config.yml --host wiki.example.com --host blog.example.com`

const collect = (one: string, all: readonly string[] = []): readonly string[] => [...all, one]

export const addImport: AddPolicyCommand = (policy, terminal, onExit) => {
  policy
    .command('import')
    .description('convert the rules of another program, as far as rows can say them')
    .addArgument(new Argument('<format>', 'what wrote the file').choices(formatNames))
    .argument('<file>', 'its rules')
    .option('-o, --output <directory>', 'write the files there instead of printing them')
    .option('--name <name>', 'what the files are called (default: the format)')
    .option('--host <host>', 'a host that it stands before, where its file names none; may come again', collect)
    .option('--username-claim <claim>', 'claim with the user names of the old program, which nobody may choose freely')
    .option('--with-slash-and-query', 'take "^/health$" for /health, /health/ and either with any query')
    .option('--set <name=value>', `value of {{ env "NAME" }} and \${NAME} in the file; may come again`, collect)
    .option('--set-from-env', 'take values that are not set from the environment')
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action(async (format: ImportChoice['format'], file: string, values: Omit<ImportChoice, 'format' | 'file'>) => {
      const { importPolicy } = await import('./import.ts')
      onExit(await importPolicy({ ...values, format, file }, terminal))
    })
}
