/** `sallyport policy replay`: which real decisions would another policy have changed. */
import type { AddPolicyCommand } from './add-policy-command.ts'
import { parseSince } from './moments.ts'

interface Values {
  readonly audit: string
  readonly policy?: string
  readonly config?: string
  readonly since?: number
  readonly failOnChange?: boolean
  readonly json?: boolean
}

const help = `
Each decision is made again with the facts of its audit line, at its time. Audit lines hold no claims, headers and
certificates: where a decision hangs on one of them, it is reported as uncertain. A call to a cluster is judged by all of
its questions; a line that does not say which they were is uncertain for the fact "call".

Examples:
  $ sallyport policy replay --audit audit.jsonl --policy ./candidate --since 7d
  $ sallyport policy replay --audit audit.jsonl --policy ./candidate --fail-on-change`

export const addReplay: AddPolicyCommand = (policy, terminal, onExit) => {
  policy
    .command('replay')
    .description('put real decisions of an audit file to another policy')
    .requiredOption('--audit <file>', 'audit file: one JSON line per event')
    .option('--policy <directory>', 'the candidate (default: the policy directory)')
    .option('-c, --config <file>', 'configuration file that names the directory and the providers')
    .option('--since <time>', 'only decisions since then: 7d, 12h or 2026-01-01T00:00:00Z', parseSince)
    .option('--fail-on-change', 'exit with 1 when a decision would change')
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action(async ({ policy: directory, since, ...values }: Values) => {
      const { replayAudit } = await import('./replay.ts')
      const choice = { ...values, ...(directory === undefined ? {} : { directory }) }
      onExit(await replayAudit({ ...choice, ...(since === undefined ? {} : { sinceMs: since }) }, terminal))
    })
}
