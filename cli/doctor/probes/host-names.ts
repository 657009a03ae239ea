/**
 * A page asks for a login under every name that leads to it.
 *
 * Threat: a site that is known by its name alone, spelt as somebody wrote it. Under another spelling, or under no name that the proxy
 * knows, the request goes to whatever comes first there, and that is the application, with nobody who asks.
 */
import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import type { Answer } from './exchange.ts'
import { commonText, isKept, isPast, isServed, notKept, type Outcome, type Probe, type Target } from './probe.ts'

/** Nobody can have this name (RFC 2606). */
const elsewhere = 'doctor.invalid'

interface Way {
  /** As it is said. */
  readonly what: string
  /** What stands before the path in the request target. */
  readonly before: string
  /** None: HTTP/1.0 without a Host. */
  readonly host: string | undefined
}

const hostLine = (host: string, before = ''): Way => ({
  what: before === '' ? `Host: ${host}` : `GET ${before}/… with Host: ${host}`,
  before,
  host,
})

/** Other ways to write the name of the site. */
function spellings({ host, hostname, port, protocol }: URL): readonly Way[] {
  const rest = port === '' ? '' : `:${port}`
  const named = isIP(hostname.replace(/^\[(.*)\]$/, '$1')) === 0
  return [
    ...(named ? [hostLine(host.toUpperCase()), hostLine(`${hostname}.${rest}`)] : []),
    hostLine(`${hostname}:1`),
    hostLine(host, `${protocol}//${host}`),
    hostLine(host, `${protocol}//${host.toUpperCase()}`),
  ]
}

/** Names that are not the site's. */
const otherNames = ({ host, protocol }: URL): readonly Way[] => [
  hostLine(elsewhere),
  hostLine(elsewhere, `${protocol}//${host}`),
  hostLine(host, `${protocol}//${elsewhere}`),
  hostLine('localhost'),
  hostLine('127.0.0.1'),
  { what: 'HTTP/1.0 without Host', before: '', host: undefined },
]

export const hostNames: Probe = {
  name: 'host-names',
  title: 'a page asks for a login under every name',
  docs: 'docs/doctor.md#host-names',
  run: async target => {
    if (!isKept(target)) return notKept(target)
    const [same, others] = [spellings(target.url), otherNames(target.url)]
    for (const way of same) {
      const answer = await askBy(target, way)
      if (isPast(answer, target)) return failed(way, answer)
    }
    const served: Way[] = []
    for (const way of others) {
      const answer = await askBy(target, way)
      if (!isServed(answer.status)) continue
      if (await isThisSite(target, way, answer)) return failed(way, answer)
      served.push(way)
    }
    if (served.length > 0) return unclear(served)
    return { status: 'pass', why: `${same.length + others.length} names and spellings; the page opens under none` }
  },
}

function askBy({ url, send }: Target, { before, host }: Way, path = pathOf(url)): Promise<Answer> {
  const version = host === undefined ? '1.0' : '1.1'
  const lines = [`GET ${before}${path} HTTP/${version}`, ...(host === undefined ? [] : [`Host: ${host}`])]
  return send(`${[...lines, 'Accept: application/json', 'Connection: close'].join('\r\n')}\r\n\r\n`)
}

/** Another site may be there, which answers every path alike, and differently from the open pages of this one. */
async function isThisSite(target: Target, way: Way, answer: Answer): Promise<boolean> {
  const unknown = `/doctor-${randomBytes(8).toString('hex')}`
  const control = await askBy(target, way, unknown)
  const isOrdinary = isServed(control.status) && commonText(control, unknown) === commonText(answer, pathOf(target.url))
  if (!isOrdinary) return true
  const [open] = target.openBeside
  if (open === undefined) return false
  const path = pathOf(open)
  const [here, there] = [await askBy(target, hostLine(target.url.host), path), await askBy(target, way, path)]
  return here.body !== '' && shown(here, path, target.url.host) === shown(there, path, way.host)
}

const pathOf = ({ pathname, search }: URL): string => `${pathname}${search}`

/** An application may show the name that it was asked for. */
const shown = ({ body }: Answer, path: string, host = ''): string =>
  commonText({ body: host === '' ? body : body.replaceAll(host, '') }, path)

const unclear = (ways: readonly Way[]): Outcome => ({
  status: 'not-applicable',
  why: `with ${ways.map(({ what }) => `\`${what}\``).join(', ')} a site answers that says the same at every path; see that it does not lead to this application`,
})

const failed = ({ what }: Way, { status }: Answer): Outcome => ({
  status: 'fail',
  why: `with \`${what}\` the page is answered with ${status}, by the application and not by the service`,
  fix: 'have the proxy ask about every site that leads to the application, also the one that answers for names that it does not know (NGINX: `default_server`; Traefik: a router without `Host`; Caddy: `:443`; HAProxy: `default_backend`), and refuse such names; `sallyport proxy-config` prints both',
})
