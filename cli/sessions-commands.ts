/** `sallyport sessions …`: who is logged in to a running service, and an end to it. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { addAdminOptions } from './admin/option.ts'
import type { EndValues, ListValues, SessionsChoice } from './sessions.ts'
import type { Terminal } from './terminal.ts'

const sessionsHelp = `
The service answers these commands on its own machine only. A session is called by its handle, the 16 characters that
audit events have as "session"; it opens nothing. A person is a subject, <issuer>#<sub>, as in audit events. There is no
index of addresses: --email looks at all sessions, one after another.

Examples:
  $ sallyport sessions list --subject 'https://idp.example.com#alice'
  $ sallyport sessions list --host wiki.example.com --limit 500
  $ sallyport sessions show 3hVn0mJ4kQ1uYb2d
  $ sallyport sessions end 3hVn0mJ4kQ1uYb2d          this one, on every host and in every replica, at once
  $ sallyport sessions end --subject 'https://idp.example.com#alice'
  $ sallyport sessions end --provider corp --yes     everybody who logged in with it
  $ docker compose exec sallyport sallyport sessions list --all

Exit codes: 0 it worked; 1 there is no such session, so that nothing was ended, or nobody answers; 2 the command line cannot be read.`

const listHelp = `
Exactly one of --subject, --email, --host, --issuer with --sid, and --all says which. In the order in which they end at the
latest; where there are more, the last line says how to go on.

Examples:
  $ sallyport sessions list --all
  $ sallyport sessions list --all --limit 1000 --json | jq -r '.sessions[].email'
  $ sallyport sessions list --issuer https://idp.example.com --sid 08a5019c   by the provider's name for its session`

const showHelp = `
Examples:
  $ sallyport sessions show 3hVn0mJ4kQ1uYb2d
  $ sallyport sessions show 3hVn0mJ4kQ1uYb2d --json`

const endHelp = `
Exactly one of <handle>, --subject, --email, --issuer with --sid, --provider and --all says which; nothing said ends
nothing, and what ends nothing exits with 1. --email ends all of every person with a session that has the address. Ended
sessions are refused by the next check of every replica and worker. The person may log in again: to keep somebody
out, disable them at the provider first, or deny them in the policy. Each end is an audit event with cause "admin";
--provider and --all are one event, "sessions.cut".

Examples:
  $ sallyport sessions end 3hVn0mJ4kQ1uYb2d
  $ sallyport sessions end --subject 'https://idp.example.com#alice' --by 'ticket 4711'
  $ sallyport sessions end --email alice@example.com
  $ sallyport sessions end --provider corp --yes
  $ sallyport sessions end --all --yes               after a secret has leaked: and replace it`

const mostListed = 100_000

export const readLimit = (text: string): number => {
  const limit = Number(text)
  if (/^\d{1,6}$/.test(text) && limit >= 1 && limit <= mostListed) return limit
  throw new InvalidArgumentError(`A number from 1 to ${mostListed}.`)
}

export function addSessions(program: Command, terminal: Terminal, onExit: (code: number) => void): void {
  const sessions = program.command('sessions').description('who is logged in, and an end to it').helpCommand(false)
  sessions.addHelpText('after', sessionsHelp)
  const withAnswer = (command: Command, help: string): Command =>
    addAdminOptions(command).option('--json', 'print one JSON document').addHelpText('after', help)
  const withProviderSession = (command: Command): Command =>
    command
      .option('--issuer <url>', 'with --sid: the provider of the session')
      .option('--sid <sid>', "the provider's name for its session, the claim sid")

  const address = 'those of everybody with this address; all sessions are looked at'
  const list = sessions.command('list').description('sessions that can be used now')
  list.option('--subject <subject>', 'those of a person: <issuer>#<sub>').option('--email <address>', address)
  list.option('--host <host>', 'those on a host')
  withProviderSession(list)
    .option('--all', 'all of them')
    .addOption(new Option('--limit <number>', 'how many at most').argParser(readLimit).default(50))
    .option('--after <cursor>', 'go on where an earlier list ended')
  withAnswer(list, listHelp).action(async (values: ListValues) => {
    const { listSessions } = await import('./sessions.ts')
    onExit(await listSessions(values, terminal))
  })

  const show = sessions.command('show <handle>').description('one session')
  withAnswer(show, showHelp).action(async (handle: string, values: SessionsChoice) => {
    const { showSession } = await import('./sessions.ts')
    onExit(await showSession(handle, values, terminal))
  })

  const end = sessions.command('end [handle]').description('end one session, or many, everywhere')
  end.option('--subject <subject>', 'all sessions of a person: <issuer>#<sub>').option('--email <address>', address)
  withProviderSession(end)
    .option('--provider <name>', 'all that logged in with this provider of the configuration')
    .option('--all', 'every session')
    .option('--yes', 'needed with --provider and --all')
    .option('--by <name>', 'who asks for it, for the audit log (default: the user of this shell)')
  withAnswer(end, endHelp).action(async (handle: string | undefined, values: EndValues) => {
    const { endSessions } = await import('./sessions.ts')
    onExit(await endSessions(handle, values, terminal))
  })
}
