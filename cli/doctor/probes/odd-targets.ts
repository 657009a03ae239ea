/**
 * Only a path can be asked for.
 *
 * Threat: `CONNECT wiki:22` and other targets without a path are judged as something else than what the application
 * receives.
 */
import { describeStatus, head, type Outcome, type Probe } from './probe.ts'

const targets = (host: string): readonly (readonly [method: string, target: string])[] => [
  ['CONNECT', host],
  ['CONNECT', `${host.replace(/:\d+$/, '')}:22`],
  ['CONNECT', '/'],
  ['GET', '*'],
  ['OPTIONS', '*'],
  ['GET', 'mailto:doctor'],
]

export const oddTargets: Probe = {
  name: 'odd-targets',
  title: 'only a path can be asked for',
  docs: 'docs/doctor.md#odd-targets',
  run: async target => {
    const seen: string[] = []
    for (const [method, asked] of targets(target.url.host)) {
      const { status, body } = await target.send(`${head(target, method, asked)}Connection: close\r\n\r\n`)
      // `OPTIONS *` asks about the server as a whole (RFC 9110 section 9.3.7), and servers in Go answer it themselves.
      const isOfServer = method === 'OPTIONS' && body.trim() === ''
      if (status === 101 || (status >= 200 && status < 300 && !isOfServer)) return served(`${method} ${asked}`, status)
      seen.push(`${method} ${asked}: ${describeStatus(status)}`)
    }
    return { status: 'pass', why: seen.join('; ') }
  },
}

const served = (asked: string, status: number): Outcome => ({
  status: 'fail',
  why: `\`${asked}\` is answered with ${status}: it names no path that a rule could be about`,
  fix: 'let the proxy refuse every request whose target does not begin with a slash; the files in deploy/ do',
})
