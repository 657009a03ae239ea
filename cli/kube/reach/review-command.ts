/** `sallyport kube review`, as commander knows it. */
import { type Command, Option } from 'commander'
import type { Terminal } from '../../terminal.ts'
import {
  failOnOption,
  filterHelp,
  jsonOption,
  namespaceOption,
  serverVersionOption,
  severityOption,
  subjectOption,
} from './filters.ts'
import { addInput, inputHelp } from './input.ts'
import { outputs } from './output-kinds.ts'
import { addPeople, peopleHelp } from './people-input.ts'
import type { ReviewChoice } from './review.ts'

const reviewHelp = `
Every way from one identity to another that the rights of a cluster open: who can mint whose tokens, run as whom, get onto a
node, bind himself to what. The worst first, each with the shortest way to the worst that it leads to and the edit that takes it
away. What Kubernetes itself ships is folded and counted. Every move has its page in docs/reach/moves.

--to turns it round: who can eventually reach cluster-admin, system:masters, all-secrets, node, namespace:NAME, or somebody
(payments/deployer, user:NAME, group:NAME); with --subject every way of that one, of at most 8 steps and 50 in number.

--output html is one page with everything in it: with --all what is folded and every way of whoever is chosen are shown from the
beginning, with --baseline it marks what is new and lists what is gone.

--what-if takes whole objects as kubectl apply does, $patch: delete, and JSON patches of roles with a target. It says which
findings go, which come, and who gets to cluster-admin, system:masters, every Secret or a node by it, or no longer does; with
--subject and --namespace of these alone. What --suppress accepts is open again where the change makes more of it.
${filterHelp}
${inputHelp}
${peopleHelp}

Examples:
  $ sallyport kube review
  $ sallyport kube review --subject payments/deployer --severity low
  $ sallyport kube review --to payments/deployer
  $ sallyport kube review --to cluster-admin --subject argocd/argocd-server
  $ helm template ./chart | sallyport kube review --from - --fail-on high
  $ sallyport kube review --json | jq '.findings[] | select(.move == "ID09") | .subject'
  $ sallyport kube review --what-if edit.yaml --fail-on low
  $ sallyport kube review --from deploy/ --output sarif > reach.sarif
  $ sallyport kube review --subject payments/deployer --suppress-draft > accepted.yaml
  $ sallyport kube review --suppress accepted.yaml --fail-on high
  $ sallyport kube review --output html > reach.html

Exit codes: 0 it was reviewed, whatever was found; 1 nothing could be read, or with --fail-on there is a finding that bad which is
neither expected, nor accepted, nor within another, or with --what-if one that comes, or rights may stand in what was not read;
2 the command line is wrong.`

export function addReview(kube: Command, terminal: Terminal, onExit: (code: number) => void): void {
  addPeople(
    addInput(
      kube
        .command('review')
        .description('who can become whom in a cluster, and how to take it away')
        .helpCommand(false)
        .addOption(severityOption('high'))
        .addOption(subjectOption())
        .addOption(namespaceOption('<name>'))
        .option('--to <target>', 'who can eventually reach this')
        .option('--all', 'what is expected, and what is within other findings, as well')
        .addOption(serverVersionOption())
        .option(
          '--baseline <file>',
          'what --json printed before: says what is new and gone, and --fail-on counts the new',
        )
        .addOption(
          new Option('--suppress <file>', 'what is accepted, why and until when: folded, and not counted by --fail-on'),
        )
        .addOption(
          new Option(
            '--suppress-draft',
            'print entries for --suppress of what is open, for you to give the reasons',
          ).conflicts(['json', 'output', 'baseline', 'failOn', 'all']),
        )
        .addOption(
          new Option('--what-if <file...>', 'what these roles and bindings would close, and open').conflicts([
            ...['to', 'baseline', 'all', 'suppressDraft'],
          ]),
        )
        .addOption(failOnOption()),
    ),
  )
    .addOption(jsonOption().conflicts('output'))
    .addOption(
      new Option('--output <kind>', 'how it is printed: csv, sarif and html have no --to')
        .choices(outputs)
        .default('text'),
    )
    .addHelpText('after', reviewHelp)
    .action(async (values: ReviewChoice) => {
      const { runReview } = await import('./review.ts')
      onExit(await runReview(values, terminal))
    })
}
