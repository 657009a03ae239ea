/** `sallyport policy diff`: what becomes different between two policies. */
import type { AddPolicyCommand } from '../add-policy-command.ts'

interface Values {
  readonly audit?: string
  readonly requests?: string
  readonly config?: string
  readonly failOnChange?: boolean
  readonly json?: boolean
}

const help = `
Without --audit and --requests the questions are a sample: for each row of both policies somebody whom it names, a path
and a method that it covers, once with nothing else known and once with what its condition asks for. Rows that only one
of the two has, or whose role has other members or whose condition means something else, come first, and are also asked
about on either side of where each part of the condition turns; there are at most 20000 questions. Patterns for which
no path is found, and conditions for which no facts are or no turn, are listed.

Examples:
  $ sallyport policy diff ./policy ./candidate
  $ sallyport policy diff ./policy ./candidate --audit audit.jsonl
  $ sallyport policy diff ./policy ./candidate --requests cases.test.yaml --fail-on-change`

export const addDiff: AddPolicyCommand = (policy, terminal, onExit) => {
  policy
    .command('diff')
    .description('which requests two policies answer differently')
    .argument('<old>', 'policy directory')
    .argument('<new>', 'policy directory')
    .option('--audit <file>', 'ask the recorded requests of an audit file')
    .option('--requests <file>', 'ask the requests of a test file; what its cases want does not matter')
    .option('-c, --config <file>', 'configuration file that names the providers')
    .option('--fail-on-change', 'exit with 1 when an answer differs (2: a policy cannot be read)')
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action(async (old: string, candidate: string, values: Values) => {
      const { diffPolicies } = await import('./diff.ts')
      onExit(await diffPolicies({ ...values, old, candidate }, terminal))
    })
}
