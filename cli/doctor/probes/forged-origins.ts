/**
 * What is judged is what was asked for, whatever the client says about it.
 *
 * Threat: a proxy that passes on `X-Original-URL`, `X-Forwarded-Uri`, `X-Forwarded-Host` or their like as they came: the
 * rule of another page decides, or the login leads back to where somebody else wants it.
 */
import type { Answer } from './exchange.ts'
import {
  ask,
  browserHead,
  describeStatus,
  isKept,
  isPast,
  notKept,
  type Outcome,
  type Probe,
  type Target,
} from './probe.ts'

/** Nobody can have this host (RFC 2606). */
const elsewhere = 'doctor.invalid'

const forgedLines = (open: string): readonly string[] => [
  ...['X-Forwarded-Uri', 'X-Original-URL', 'X-Original-URI', 'X-Rewrite-URL', 'X-Forwarded-Path'].map(
    name => `${name}: ${open}`,
  ),
  ...['X-Forwarded-Method', 'X-Original-Method', 'X-HTTP-Method-Override'].map(name => `${name}: OPTIONS`),
  ...['X-Forwarded-Host', 'X-Original-Host', 'X-Host', 'X-Forwarded-Server'].map(name => `${name}: ${elsewhere}`),
  ...['X-Forwarded-For', 'X-Real-IP', 'X-Client-IP', 'True-Client-IP'].map(name => `${name}: 127.0.0.1`),
  ...['http', 'https', 'wss'].map(scheme => `X-Forwarded-Proto: ${scheme}`),
  'X-Forwarded-Port: 1',
  `Forwarded: for=127.0.0.1;host=${elsewhere};proto=https`,
  'X-Sallyport-Original-Url: /',
]

/** As it is, as CGI folds it, and in other capitals. */
const spellings = (line: string): readonly string[] => {
  const [name = '', ...rest] = line.split(':')
  return [name, name.replaceAll('-', '_'), name.toLowerCase()].map(spelt => [spelt, ...rest].join(':'))
}

export const forgedOrigins: Probe = {
  name: 'forged-origins',
  title: 'what is judged is what was asked for',
  docs: 'docs/doctor.md#forged-origins',
  run: async target => {
    if (!isKept(target)) return notKept(target)
    const [open] = target.openBeside
    const lines = forgedLines(open?.pathname ?? '/').flatMap(spellings)
    const usual = await ask(target, browserHead(target))
    for (const forged of [...lines.map(line => [line]), lines]) {
      const failure = judge(target, { usual, answer: await ask(target, browserHead(target), forged), forged })
      if (failure !== undefined) return failure
    }
    return {
      status: 'pass',
      why: `${lines.length} headers about another page, host, client and method; none changed the answer`,
    }
  },
}

interface Tried {
  readonly usual: Answer
  readonly answer: Answer
  readonly forged: readonly string[]
}

function judge(target: Target, { usual, answer, forged }: Tried): Outcome | undefined {
  const what = forged.length === 1 ? `\`${forged[0]}\`` : 'with all of them at once, it'
  const [before, after] = [returnOf(usual), returnOf(answer)]
  if (answer.headers.get('location')?.includes(elsewhere) === true)
    return failed(`${what} leads the login back to a host that the client has chosen`)
  if (isPast(answer, target))
    return failed(`${what} opens the page (${answer.status}; ${describeStatus(usual.status)} without)`)
  if (before !== undefined && after !== undefined && before !== after)
    return failed(`${what} leads the login back to ${after} and not to ${before}: the client's word is believed`)
  return undefined
}

/** Where the login would lead back to. */
function returnOf({ headers }: Answer): string | undefined {
  const location = headers.get('location')
  if (location === undefined || !URL.canParse(location)) return undefined
  return new URL(location).searchParams.get('rd') ?? undefined
}

const failed = (why: string): Outcome => ({
  status: 'fail',
  why,
  fix: 'let the proxy write these headers itself for the check and drop those of the client, underscores included; print its files again with `sallyport proxy-config`, and see that server.trustedProxies names your proxy alone',
})
