/** `sallyport policy …`: what can be asked of a policy without running the service. Each subcommand adds itself. */
import type { DefineCommand } from '../define-command.ts'
import type { AddPolicyCommand } from './add-policy-command.ts'
import { addAccess } from './asking/access-command.ts'
import { addDiff } from './asking/diff-command.ts'
import { addExpiring } from './asking/expiring-command.ts'
import { addExplain } from './asking/explain-command.ts'
import { addWhoCan } from './asking/who-can-command.ts'
import { addCheck } from './check-command.ts'
import { addImport } from './import-command.ts'
import { addLint } from './lint-command.ts'
import { addReload } from './reload-command.ts'
import { addReplay } from './replay-command.ts'
import { addTest } from './test-command.ts'
import { addUnused } from './unused-command.ts'

const subcommands: readonly AddPolicyCommand[] = [
  addCheck,
  addTest,
  addLint,
  addExplain,
  addWhoCan,
  addAccess,
  addReplay,
  addDiff,
  addUnused,
  addExpiring,
  addImport,
  addReload,
]

const policyHelp = `
The policy is the directory that is named, else policy.directory of the configuration (--config, SALLYPORT_CONFIG or
./sallyport.yaml), else ./policy.

Examples:
  $ sallyport policy check                           every mistake of every file
  $ sallyport policy check ./candidate --json
  $ sallyport policy test --format junit             run every *.test.yaml of the policy
  $ sallyport policy lint                            rows that never decide, and other things that nobody meant
  $ sallyport policy explain --as alice --groups ops --url https://wiki.example.com/admin --method POST
  $ sallyport policy explain --as alice create kube:prod /payments/core/pods/web-0/exec
  $ sallyport policy who-can GET https://wiki.example.com/admin
  $ sallyport policy access --as alice --groups ops
  $ sallyport policy replay --audit audit.jsonl --policy ./candidate --since 7d
  $ sallyport policy diff ./policy ./candidate
  $ sallyport policy unused --audit audit.jsonl --since 30d
  $ sallyport policy expiring --within 30d           rows that end before long, and those that are over
  $ sallyport policy import authelia configuration.yml --output policy
  $ sallyport policy reload                          make the running service load it again`

export const definePolicy: DefineCommand = (policy, terminal, onExit) => {
  policy.helpCommand(false).addHelpText('after', policyHelp)
  for (const add of subcommands) add(policy, terminal, onExit)
}
