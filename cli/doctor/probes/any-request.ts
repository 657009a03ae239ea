/**
 * A page that asks for a login asks whoever comes, in whatever way.
 *
 * Threat: an exception that somebody made for one kind of request, and that is wider than they thought: a method that is not asked
 * about, a WebSocket that goes past the check, a monitor's name, a header that looks like a token and that the application was to
 * look at.
 */
import { expectedOf } from './as-the-policy-says.ts'
import type { Answer } from './exchange.ts'
import { ask, head, isKept, isPast, notKept, type Outcome, type Probe, type Target } from './probe.ts'

/** None of these changes anything (RFC 9110 section 9.2.1, RFC 4918, RFC 3253); the last one is nobody's. */
const methods = ['HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'DOCTOR']

const handshake = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: ZG9jdG9yZG9jdG9yZG9jdA==']

/** Header lines that exceptions are made for. */
const kinds: readonly (readonly string[])[] = [
  ['Upgrade: websocket', ...handshake],
  ['Upgrade: WebSocket', ...handshake],
  ['Upgrade: websocket'],
  ['Accept: text/event-stream'],
  ['X-Requested-With: XMLHttpRequest'],
  ['Origin: https://doctor.invalid', 'Access-Control-Request-Method: POST'],
  ['Content-Type: application/grpc'],
  ['Content-Type: application/grpc-web+proto'],
  ['User-Agent: kube-probe/1.31'],
  ['User-Agent: ELB-HealthChecker/2.0'],
  ['User-Agent: GoogleHC/1.0'],
  ['User-Agent: Prometheus/3.0.0'],
  ['Authorization: Bearer doctor'],
  ['Authorization: Basic ZG9jdG9yOmRvY3Rvcg=='],
  ['Authorization: Token doctor'],
  ['X-API-Key: doctor'],
  ['PRIVATE-TOKEN: doctor'],
  ['Cookie: session=doctor; _oauth2_proxy=doctor; authelia_session=doctor'],
  ['Range: bytes=0-0'],
  ['If-None-Match: "doctor"'],
]

export const anyRequest: Probe = {
  name: 'any-request',
  title: 'a page asks for a login however it is asked for',
  docs: 'docs/doctor.md#any-request',
  run: async target => {
    if (!isKept(target)) return notKept(target)
    const asked = methods.filter(method => isClosedTo(method, target))
    for (const method of asked) {
      const answer = await ask(target, head(target, method))
      if (isPast(answer, target)) return failed(method, answer)
    }
    for (const lines of kinds) {
      const answer = await askAs(target, lines)
      if (isPast(answer, target) || answer.status === 304) return failed(lines[0] ?? '', answer)
    }
    const early = await target.send(
      `GET ${target.url.pathname}${target.url.search} HTTP/1.0\r\nHost: ${target.url.host}\r\n\r\n`,
    )
    if (isPast(early, target)) return failed('HTTP/1.0', early)
    const count = asked.length + kinds.length + 1
    return {
      status: 'pass',
      why: `${count} kinds of requests (${asked.join(', ')}, WebSocket, token and others); none gets past`,
    }
  },
}

/** Preflights may be for everybody. Without a policy nobody knows. */
function isClosedTo(method: string, { url, known }: Target): boolean {
  if (known === undefined) return method !== 'OPTIONS'
  return expectedOf(method, url, known) === false
}

function askAs(target: Target, lines: readonly string[]): Promise<Answer> {
  const isUpgrade = lines.some(line => line.startsWith('Upgrade:'))
  return isUpgrade
    ? target.send(`${head(target)}${['Connection: Upgrade', ...lines].join('\r\n')}\r\n\r\n`)
    : ask(target, head(target), lines)
}

const failed = (how: string, { status }: Answer): Outcome => ({
  status: 'fail',
  why: `\`${how}\` gets past: the answer is ${status}, and not the service's`,
  fix: 'have the proxy ask about every request of this site, whatever its method and headers are, and write the exception as a row of the policy; look for a second location, router or handler for the same host, and for an `if`',
})
