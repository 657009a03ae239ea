/** `sallyport policy test`: do the test files of a policy say what the policy does. */
import { Option } from 'commander'
import type { AddPolicyCommand } from './add-policy-command.ts'
import type { TestFormat } from './test.ts'

interface Values {
  readonly config?: string
  readonly filter?: string
  readonly format: TestFormat
}

const help = `
A service refuses a policy whose tests fail: at start it does not start, later the last good policy stays in force.

Examples:
  $ sallyport policy test                            every *.test.yaml below the policy directory
  $ sallyport policy test --filter admin             cases with "admin" in their name or file
  $ sallyport policy test --format junit > tests.xml`

export const addTest: AddPolicyCommand = (policy, terminal, onExit) => {
  policy
    .command('test')
    .description('run every *.test.yaml below a policy directory')
    .argument('[directory]', 'policy directory')
    .option('-c, --config <file>', 'configuration file that names the directory and the providers')
    .option('--filter <text>', 'only cases with this text in their name or file; case does not count')
    .addOption(
      new Option('--format <format>', 'how to report').choices(['text', 'tap', 'junit', 'json']).default('text'),
    )
    .addHelpText('after', help)
    .action(async (directory: string | undefined, values: Values) => {
      const { testPolicy } = await import('./test.ts')
      onExit(await testPolicy({ ...values, ...(directory === undefined ? {} : { directory }) }, terminal))
    })
}
