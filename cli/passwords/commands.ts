/** `sallyport passwords …`: application passwords of a running service, and an end to them. */
import { type Command, Option } from 'commander'
import { addAdminOptions } from '../admin/option.ts'
import { readLimit } from '../sessions-commands.ts'
import type { Terminal } from '../terminal.ts'
import type { ListValues, RevokeValues } from './run.ts'

const passwordsHelp = `
People make them on the page of sessions, for programs that know nothing but HTTP Basic, on hosts with "passwords: true".
A password is called by its handle, the 16 characters that audit events have as "handle"; it opens nothing. The service
answers these commands on its own machine only. "sessions end" with --subject, --provider or --all ends them as well.

Examples:
  $ sallyport passwords list --all
  $ sallyport passwords list --subject 'https://idp.example.com#alice' --json
  $ sallyport passwords revoke mzxw6ytboi2gk3tq
  $ sallyport passwords revoke --subject 'https://idp.example.com#alice' --by 'ticket 4711'

Exit codes: 0 it worked; 1 there is no such password, or nobody answers; 2 the command line cannot be read.`

const listHelp = `
Exactly one of --subject and --all says whose. The first one to end stands first; where there are more, the last line says
how to go on.

Examples:
  $ sallyport passwords list --all --limit 200
  $ sallyport passwords list --subject 'https://idp.example.com#alice'`

const revokeHelp = `
Exactly one of <handle> and --subject says which; nothing said revokes nothing. The next check of every replica and worker
refuses them. Each is an audit event "password.revoked" with cause "admin".

Examples:
  $ sallyport passwords revoke mzxw6ytboi2gk3tq
  $ sallyport passwords revoke --subject 'https://idp.example.com#alice'`

export function addPasswords(program: Command, terminal: Terminal, onExit: (code: number) => void): void {
  const passwords = program
    .command('passwords')
    .description('passwords that people made for programs, and an end to them')
    .helpCommand(false)
    .addHelpText('after', passwordsHelp)
  const withAnswer = (command: Command, help: string): Command =>
    addAdminOptions(command).option('--json', 'print one JSON document').addHelpText('after', help)

  const list = passwords.command('list').description('passwords that can be used now')
  list
    .option('--subject <subject>', 'those of a person: <issuer>#<sub>')
    .option('--all', 'those of everybody')
    .addOption(new Option('--limit <number>', 'how many at most').argParser(readLimit).default(50))
    .option('--after <cursor>', 'go on where an earlier list ended')
  withAnswer(list, listHelp).action(async (values: ListValues) => {
    const { listPasswords } = await import('./run.ts')
    onExit(await listPasswords(values, terminal))
  })

  const revoke = passwords.command('revoke [handle]').description('revoke one password, or all of a person')
  revoke
    .option('--subject <subject>', 'all passwords of a person: <issuer>#<sub>')
    .option('--by <name>', 'who asks for it, for the audit log (default: the user of this shell)')
  withAnswer(revoke, revokeHelp).action(async (handle: string | undefined, values: RevokeValues) => {
    const { revokePasswords } = await import('./run.ts')
    onExit(await revokePasswords(handle, values, terminal))
  })
}
