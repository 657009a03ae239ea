/** `sallyport kube who-can` and `sallyport kube what-can`: the rights that a cluster's RBAC gives, asked from both ends. */
import { type Command, Option } from 'commander'
import type { Subject } from '../../../rbac/reach/subject.ts'
import type { Terminal } from '../../terminal.ts'
import { filterHelp, jsonOption, namespaceOption, serverVersionOption, subjectOption } from './filters.ts'
import { addInput, inputHelp } from './input.ts'
import { addPeople, peopleHelp } from './people-input.ts'
import { readSubject } from './subject-argument.ts'
import type { WhatCanChoice } from './what-can.ts'
import type { WhoCanChoice } from './who-can.ts'

const exits =
  'Exit codes: 0 it was answered, whatever the answer; 1 nothing could be read; 2 the command line is wrong.'

const whoCanHelp = `
Resources are written as for kubectl: pods, deploy, pods/exec, deployments.apps/scale, widgets.example.com, or a path such as
/metrics. A right to pods is none to pods/exec. Without --namespace and --all-namespaces every grant is listed, with where it
holds. Groups are listed as such; who is in one is known of the built-in ones alone.
${filterHelp}
${inputHelp}
${peopleHelp}

Examples:
  $ sallyport kube who-can create pods/exec
  $ sallyport kube who-can get secrets -n payments --name tls
  $ sallyport kube who-can impersonate users --from manifests/
  $ helm template ./chart | sallyport kube who-can list secrets --from -
  $ sallyport kube who-can get secrets -n payments --eventual
  $ sallyport kube who-can create serviceaccounts/token --json | jq -r '.grants[].subject' | sort -u

${exits}`

const whatCanHelp = `
A service account is <namespace>/<name> or system:serviceaccount:<namespace>:<name>, a user user:<name>, a group group:<name>.
What its groups hold counts too: the built-in ones, and those that you name, as an identity provider would.
${filterHelp}
${inputHelp}
${peopleHelp}

Examples:
  $ sallyport kube what-can payments/deployer
  $ sallyport kube what-can payments/deployer --eventual
  $ sallyport kube what-can user:alice@example.com --group ops --group staff
  $ sallyport kube what-can group:system:authenticated --from dump/ --json

${exits}`

export function addReachCommands(kube: Command, terminal: Terminal, onExit: (code: number) => void): void {
  addPeople(
    addInput(
      kube
        .command('who-can')
        .description('who can do something in a cluster, by which binding')
        .argument('<verb>', 'get, create, impersonate, … or *')
        .argument('<resource>', 'pods, pods/exec, deployments.apps, /metrics, …')
        .helpCommand(false)
        .addOption(subjectOption())
        .addOption(namespaceOption('<name>'))
        .addOption(new Option('-A, --all-namespaces', 'in all namespaces at once').conflicts('namespace'))
        .option('--name <name>', 'the object of this name')
        .option('--eventual', 'and who can become one of them, in several steps')
        .addOption(serverVersionOption()),
    ),
  )
    .addOption(jsonOption())
    .addHelpText('after', whoCanHelp)
    .action(async (verb: string, resource: string, values: WhoCanChoice) => {
      const { runWhoCan } = await import('./who-can.ts')
      onExit(await runWhoCan(verb, resource, values, terminal))
    })
  addPeople(
    addInput(
      kube
        .command('what-can')
        .description('what somebody can do in a cluster, by which binding')
        .argument('<subject>', 'payments/deployer, user:alice, group:ops', readSubject)
        .helpCommand(false)
        .option('--group <name...>', 'a group that somebody else vouches for')
        .addOption(namespaceOption('<name>').conflicts('eventual'))
        .option('--eventual', 'and whom it can become, or what it can reach, in several steps')
        .addOption(serverVersionOption()),
    ),
  )
    .addOption(jsonOption())
    .addHelpText('after', whatCanHelp)
    .action(async (subject: Subject, values: WhatCanChoice) => {
      const { runWhatCan } = await import('./what-can.ts')
      onExit(await runWhatCan(subject, values, terminal))
    })
}
