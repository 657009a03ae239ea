/** `sallyport policy unused`: which rows and role memberships decided nothing. */
import type { AddPolicyCommand } from './add-policy-command.ts'
import { parseSince } from './moments.ts'

interface Values {
  readonly audit: string
  readonly config?: string
  readonly since?: number
  readonly anyRevision?: boolean
  readonly json?: boolean
}

const help = `
Only decisions of the policy's present revision count, since a line number means another row in another revision. A row
is named by a decision when it is the first that applies: one that always comes second is listed as well. Of a call to a
cluster that is several questions the rows of all of them count.

Example:
  $ sallyport policy unused --audit audit.jsonl --since 30d`

export const addUnused: AddPolicyCommand = (policy, terminal, onExit) => {
  policy
    .command('unused')
    .description('list rows and role memberships that decided nothing')
    .argument('[directory]', 'policy directory')
    .requiredOption('--audit <file>', 'audit file: one JSON line per event')
    .option('-c, --config <file>', 'configuration file that names the directory and the providers')
    .option('--since <time>', 'only decisions since then: 30d, 12h or 2026-01-01T00:00:00Z', parseSince)
    .option('--any-revision', 'count decisions of other revisions too, by file and line')
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action(async (directory: string | undefined, { since, ...values }: Values) => {
      const { listUnused } = await import('./unused.ts')
      const choice = { ...values, ...(directory === undefined ? {} : { directory }) }
      onExit(await listUnused({ ...choice, ...(since === undefined ? {} : { sinceMs: since }) }, terminal))
    })
}
