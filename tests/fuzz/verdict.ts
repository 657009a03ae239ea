/** Holds what arrived at an application against what was judged. Each sentence is a finding. */
import { canonicalise, MalformedRequestError } from '../../rbac/request/access-request.ts'
import type { Allowed } from './checks.ts'
import { markPattern } from './fuzz-case.ts'
import { forgedNames } from './header-tricks.ts'
import { type Arrived, aliasOf } from './upstream.ts'

export type FindingKind =
  | 'not asked about'
  | 'another request than was judged'
  | 'another application'
  | 'no canonical form'
  | 'forged header'
  | 'session cookie'
  | 'identity'
  | 'framing'
  | 'connection'
  | 'deny not applied'
  | 'query'
  | 'identity to the client'

export interface Finding {
  readonly kind: FindingKind
  readonly detail: string
  /** Of the request; empty where none was found. */
  readonly mark: string
}

export interface Known {
  /** Taken out when a request used it. */
  readonly allowed: Map<string, Allowed[]>
  /** As they were sent, by mark. */
  readonly targets: ReadonlyMap<string, string>
  /** No application may see them. */
  readonly secrets: readonly string[]
}

export function markOf({ target, lines }: Arrived): string {
  const [path = ''] = target.split('?')
  const said = lines.find(([name]) => name.toLowerCase() === 'x-mark')?.[1] ?? ''
  return (markPattern.exec(path) ?? markPattern.exec(said))?.[0] ?? ''
}

export function judge(arrived: Arrived, known: Known): Finding[] {
  const mark = markOf(arrived)
  const findings: Finding[] = []
  const found = (kind: FindingKind, detail: string): void => void findings.push({ kind, detail, mark })
  for (const doubt of arrived.doubts) found('framing', doubt)
  const seen = canonicalOf(arrived)
  if (typeof seen === 'string') found('no canonical form', seen)
  else {
    const taken = take(known.allowed, arrived, seen)
    if (typeof taken === 'string')
      found(
        taken === '' ? 'not asked about' : 'another request than was judged',
        `${told(seen)}; judged: ${taken || 'nothing'}`,
      )
    else checkIdentity(arrived, taken, found)
    if (seen.domain !== `${arrived.site}.localhost`)
      found('another application', `${seen.domain} reached ${arrived.site}`)
    if (seen.domain === 'wiki.localhost' && /^\/[^/]+\/checked\//.test(seen.resource) && saysBlock(arrived))
      found('deny not applied', 'X-Waf-Verdict: block')
  }
  checkQuery(arrived, known.targets.get(mark), found)
  checkLines(arrived, known.secrets, found)
  return findings
}

type Found = (kind: FindingKind, detail: string) => void

const told = ({ action, domain, resource }: Allowed): string => JSON.stringify([action, domain, resource])

/** What the application was asked, as we would judge it; otherwise why that cannot be. */
function canonicalOf({ method, target, lines }: Arrived): Allowed | string {
  const host = lines.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? ''
  try {
    return canonicalise({ method, scheme: 'http', host, target })
  } catch (error) {
    if (!(error instanceof MalformedRequestError)) throw error
    return `${error.message}: ${JSON.stringify([method, host, target])}`
  }
}

/** The check that let it through, which lets through nothing else; otherwise what was allowed of the same mark. */
function take(allowed: Known['allowed'], arrived: Arrived, seen: Allowed): Allowed | string {
  const same = allowed.get(markPattern.exec(seen.resource)?.[0] ?? '') ?? allowed.get(markOf(arrived)) ?? []
  const fitting = same.filter(one => told(one) === told(seen))
  // Paths that lose their mark, such as `/`, are asked about by several: then the one whose name arrived.
  const users = usersIn(arrived)
  const taken = fitting.find(({ user = '' }) => users.includes(user)) ?? fitting[0]
  if (taken !== undefined) same.splice(same.indexOf(taken), 1)
  return taken ?? same.map(told).join(' and ')
}

const usersIn = ({ lines }: Arrived): string[] =>
  lines.filter(([name]) => aliasOf(name) === 'remote-user').map(([, value]) => value)

function checkIdentity(arrived: Arrived, { user }: Allowed, found: Found): void {
  const { lines } = arrived
  const users = usersIn(arrived)
  const assertions = lines.filter(([name, value]) => aliasOf(name) === 'x-sallyport-assertion' && value !== '')
  const wanted = user === undefined ? [] : [user]
  if (JSON.stringify(users.filter(one => one !== '')) !== JSON.stringify(wanted))
    found('identity', `judged as ${user ?? 'nobody'}, told the application ${JSON.stringify(users)}`)
  // Whoever is not logged in may have one as well, which says so.
  if (user !== undefined && assertions.length !== 1) found('identity', `${assertions.length} assertions`)
}

/** A `#` is a letter to some proxies and the end to others; Traefik makes `&` of `;`. No policy reads a query. */
function checkQuery({ target }: Arrived, sent: string | undefined, found: Found): void {
  if (sent === undefined) return
  const queryOf = (text: string): string => (text.includes('?') ? text.slice(text.indexOf('?')) : '')
  const wanted = queryOf(sent)
  if (sent.includes('#')) return
  if (queryOf(target) !== wanted && queryOf(target) !== wanted.replaceAll(';', '&'))
    found('query', `sent ${JSON.stringify(wanted)}, arrived ${JSON.stringify(queryOf(target))}`)
}

/** Of several lines the first is judged: such conditions are for headers that the proxy sets or removes. */
const saysBlock = ({ lines }: Arrived): boolean =>
  lines.find(([name]) => name.toLowerCase() === 'x-waf-verdict')?.[1] === 'block'

const forgedAliases: ReadonlySet<string> = new Set(forgedNames.map(aliasOf))

const mayBeNamed = /^(?:close|keep-alive|upgrade)?$/

function checkLines({ head }: Arrived, secrets: readonly string[], found: Found): void {
  // A server that ends lines at a lone CR or LF reads these.
  for (const line of head.split(/\r\n|\r|\n/).slice(1)) {
    const name = aliasOf(line.split(':')[0] ?? '')
    const value = line
      .slice(line.indexOf(':') + 1)
      .trim()
      .toLowerCase()
    if (value.includes('forged') && forgedAliases.has(name)) found('forged header', JSON.stringify(line))
    if (name === 'connection' && !value.split(',').every(word => mayBeNamed.test(word.trim())))
      found('connection', line)
    if (name === 'upgrade' && !['', 'websocket'].includes(value)) found('connection', line)
  }
  if (secrets.some(secret => head.includes(secret))) found('session cookie', 'it arrived at the application')
}
