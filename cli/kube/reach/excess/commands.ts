/** `sallyport kube excess`: which granted rights were used, and the roles that would be enough. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Severity, severities } from '../../../../rbac/reach/finding.ts'
import type { Terminal } from '../../../terminal.ts'
import { addInput, inputHelp } from '../input.ts'
import { addUsage, usageHelp } from '../usage-input.ts'
import type { ExcessChoice } from './run.ts'

const help = `${usageHelp}
${inputHelp}

A wildcard is counted as the kinds and verbs that the cluster's roles, its log and every Kubernetes name. --patch prints each role
as it would be enough for all of its holders; --minimal roles for --subject alone, namespace by namespace. Both allow everything
that the log shows, and nothing that was not allowed before. What no log can show (bind, escalate, approve, finalizers) stays where
what asks for it was done, and is marked. --what-if says what a change would take away of what was used, which findings of
kube review it closes and opens, and who reaches cluster-admin, every Secret or a node by it, before it is made.

Examples:
  $ sallyport kube excess --audit /var/log/kubernetes/audit
  $ sallyport kube excess --audit audit.log --subject payments/deployer
  $ sallyport kube excess --audit audit.log --subject payments/deployer --minimal > deployer.yaml
  $ sallyport kube excess --audit audit.log --what-if deployer.yaml
  $ sallyport kube excess --audit audit.log --from manifests/ --patch

Exit codes: 0 it worked; 1 it failed, or more was found than --fail-on lets pass, or --what-if would break a use, or with one of them
rights may stand in what was not read; 2 the command line cannot be read.`

export function addExcess(kube: Command, terminal: Terminal, onExit: (code: number) => void): void {
  const command = kube
    .command('excess')
    .description('which granted rights were used, and the roles that would be enough')
    .helpCommand(false)
  addUsage(addInput(command))
    .option('--subject <name...>', 'only these: payments/deployer, user:alice, group:ops')
    .option('--namespace <name...>', 'only service accounts of these namespaces')
    .option('--all', 'also subjects that have default roles only')
    .addOption(new Option('--minimal', 'print roles for --subject as YAML').conflicts(['patch', 'whatIf', 'json']))
    .addOption(new Option('--patch', 'print each role as it would be enough, as YAML').conflicts(['whatIf', 'json']))
    .option('--what-if <file...>', 'what these roles and bindings would take away, close and open')
    .addOption(
      new Option('--names <when>', 'when a rule names its objects: where people choose few of them, always, never')
        .choices(['stable', 'always', 'never'])
        .default('stable'),
    )
    .option('--wide', 'a wildcard that was used stays one')
    .option('--most-namespaces <number>', 'with --minimal: more than these are the whole cluster', readNumber, 10)
    .option('--json', 'print one JSON document')
    .option(
      '--fail-on <limit>',
      'exit with 1 where somebody has more unused than this; with --what-if, where a finding opens from this severity on',
      readLimit,
    )
    .addHelpText('after', help)
    .action(async (values: ExcessChoice) => {
      const { runExcess } = await import('./run.ts')
      onExit(await runExcess(values, terminal))
    })
}

function readNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Expected a number.')
  return Number(text)
}

function readLimit(text: string): number | Severity {
  return severities.find(one => one === text) ?? readPercent(text)
}

function readPercent(text: string): number {
  const [, number] = /^(\d{1,3})\s?%?$/.exec(text) ?? []
  if (number === undefined || Number(number) > 100)
    throw new InvalidArgumentError('Expected a percentage, such as 80, or a severity.')
  return Number(number) / 100
}
