/**
 * More headers than are read are refused.
 *
 * Threat: a program on the way that drops the headers which it has no room for, and with them the one that a rule denies
 * by; or one that fails, and passes the request on in its distress.
 */
import { describeStatus, head, isOpen, type Outcome, type Probe, type Target } from './probe.ts'

const lines = (count: number, value: string): string =>
  Array.from({ length: count }, (_, index) => `X-Doctor-${index}: ${value}\r\n`).join('')

const floods: readonly (readonly [what: string, headers: string])[] = [
  ['1,100 lines of headers', lines(1_100, '')],
  ['40 KB of headers', lines(80, 'x'.repeat(500))],
]

export const headerFloods: Probe = {
  name: 'header-floods',
  title: 'more headers than are read are refused',
  docs: 'docs/doctor.md#header-floods',
  run: async target => {
    const seen: string[] = []
    for (const [what, headers] of floods) {
      const { status } = await target.send(`${head(target)}${headers}Connection: close\r\n\r\n`)
      const failure = judge(target, what, status)
      if (failure !== undefined) return failure
      seen.push(`${what}: ${describeStatus(status)}`)
    }
    return { status: 'pass', why: seen.join('; ') }
  },
}

function judge(target: Target, what: string, status: number): Outcome | undefined {
  if (status >= 500) {
    return {
      status: 'fail',
      why: `${what} are answered with ${status}: something on the way fails, where it should refuse`,
      fix: 'let the proxy pass a 431 of the check on to the client; for NGINX that is in `@sallyport_failed` of deploy/nginx',
    }
  }
  if (status < 200 || status >= 300) return undefined
  if (!isOpen(target)) {
    return {
      status: 'fail',
      why: `${what} open a page that a stranger may not see (${target.usual.status} without them)`,
      fix: 'find out which program on the way lets a request through when its check fails, and have it refuse',
    }
  }
  return {
    status: 'not-applicable',
    why: `everybody may open this page, also with ${what}; name a page as well that asks for a login`,
  }
}
