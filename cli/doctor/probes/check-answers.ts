/**
 * What Sallyport answers the proxy reaches nobody else.
 *
 * Threat: whoever can ask the check themselves learns what a policy says of any page, and gets identity headers and an
 * assertion that an application behind the same proxy believes.
 */
import { ask, head, isServed, type Outcome, type Probe, type Target } from './probe.ts'

const paths = [
  ...['/verify', '/verify/auth-request', '/verify/forward-auth', '/verify/ext-authz/', '/.sallyport/verify'],
  // As whoever keeps `/verify` back may not have thought of.
  ...['//verify/forward-auth', '/%76erify/forward-auth', '/x/../verify/forward-auth', '//.sallyport/verify'],
]

export const checkAnswers: Probe = {
  name: 'check-answers',
  title: 'what the check answers reaches the proxy alone',
  docs: 'docs/doctor.md#check-answers',
  run: async target => {
    const names = target.known?.identityHeaders ?? ['Remote-User', 'X-Sallyport-Assertion']
    for (const path of paths) {
      const found = await leakOf(target, path, names)
      if (found !== undefined) return failed(path, found)
    }
    return leakedBy(target.usual.headers, names) === undefined
      ? { status: 'pass', why: `${paths.length} addresses of the check, none answers as it answers the proxy` }
      : failed(target.url.pathname, String(leakedBy(target.usual.headers, names)))
  },
}

async function leakOf(target: Target, path: string, names: readonly string[]): Promise<string | undefined> {
  const lines = [
    `X-Original-URL: ${target.url.href}`,
    `X-Forwarded-Uri: ${target.url.pathname}`,
    `X-Forwarded-Host: ${target.url.host}`,
    `X-Forwarded-Proto: ${target.url.protocol.slice(0, -1)}`,
    'X-Forwarded-Method: GET',
  ]
  const { status, headers } = await ask(target, head(target, 'GET', path), lines)
  return isServed(status) ? leakedBy(headers, names) : undefined
}

/** A check names the user, if with nothing, in each answer that lets somebody in. */
const leakedBy = (headers: ReadonlyMap<string, string>, names: readonly string[]): string | undefined =>
  names.find(name => headers.has(name.toLowerCase()))

const failed = (path: string, name: string): Outcome => ({
  status: 'fail',
  why: `${path} answers with \`${name}\`, which is for the proxy`,
  fix: 'publish nothing below /verify: in NGINX its location is `internal`, elsewhere no route leads there; and pass no header of the check on to the client',
})
