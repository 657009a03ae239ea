/** `sallyport kube inventory`: every identity that is no person. */
import { type Command, Option } from 'commander'
import type { Terminal } from '../../../terminal.ts'
import {
  failOnOption,
  filterHelp,
  jsonOption,
  namespaceOption,
  serverVersionOption,
  severityOption,
  subjectOption,
} from '../filters.ts'
import { addInput, inputHelp } from '../input.ts'
import { addUsers, peopleHelp } from '../people-input.ts'
import { addUsage, usageHelp } from '../usage-input.ts'
import type { InventoryValues } from './run.ts'

const help = `
Service accounts (those that are there, and those that bindings and workloads only name), users that are no people, requests for
certificates; token Secrets and bootstrap tokens with --scan-secrets, or where they are in --from, by type and metadata alone; with
--config the issuers and machines that Sallyport's configuration and policy name, with --admin the application passwords of a running
service and who came with a token. An owner is what the first of these says: the annotation
sallyport.dev/owner, app.kubernetes.io/managed-by, Helm, Argo CD or Flux, ownerReferences, the owner of the namespace.
${filterHelp}
${inputHelp}
${peopleHelp}
${usageHelp}

Examples:
  $ sallyport kube inventory
  $ sallyport kube inventory --audit /var/log/kubernetes/audit --csv > identities.csv
  $ sallyport kube inventory --from dump/ --json | jq '.identities[] | select(.owner == null).id'
  $ sallyport kube inventory --fail-on high

Exit codes: 0 it worked; 1 it failed, or with --fail-on something at least as severe was found, or what the answer needs was not read;
2 the command line cannot be read.`

export function addInventory(kube: Command, terminal: Terminal, onExit: (code: number) => void): void {
  const command = kube
    .command('inventory')
    .description('every identity that is no person: owner, users, credentials, rights')
    .helpCommand(false)
  addUsers(addUsage(addInput(command)))
    .option('--cluster <name>', 'with --admin and --config: which cluster this is, for who is logged in')
    .option('-c, --config <file>', "Sallyport's configuration: its token issuers, and the machines of its policy")
    .option(
      '--admin <url>',
      'admin listener of a running service: its application passwords, and who came with a token',
    )
    .addOption(severityOption('medium'))
    .addOption(subjectOption())
    .addOption(namespaceOption('<name...>'))
    .addOption(serverVersionOption())
    .addOption(new Option('--csv', 'print one line for each identity').conflicts(['json']))
    .addOption(jsonOption())
    .addOption(failOnOption())
    .addHelpText('after', help)
    .action(async (values: InventoryValues) => {
      const { runInventory } = await import('./run.ts')
      onExit(await runInventory(values, terminal))
    })
}
