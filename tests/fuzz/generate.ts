/** The case that a seed and a number stand for. Another generator gives others: what was found once is kept in known-cases.ts. */
import { doubtfulBody, expectLine, type Framed, plainBody } from './framing.ts'
import type { FuzzCase, RawRequest } from './fuzz-case.ts'
import { forgedLine, manyLines, oddLine, upgradeLines } from './header-tricks.ts'
import { createRandom, type Random } from './random.ts'
import { oddHost, oddTarget, plainHost, plainTarget } from './targets.ts'

const usual = [
  'GET',
  'GET',
  'GET',
  'GET',
  'POST',
  'HEAD',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'PROPFIND',
  'QUERY',
  'REPORT',
]
const oddMethods = [
  'TRACE', 'CONNECT', 'PRI', 'get', 'Get', 'FOO', 'GET\t', 'G@T', 'GE T', '', ' GET', 'X'.repeat(25), 'GET\0', 'M-SEARCH', 'GET/', '\r\nGET', 'G\xcbT', 'PURGE', '\nGET', 'A-', 'TRACK',
] // biome-ignore format: a list to be looked over
const versions = [
  ' HTTP/1.0', ' HTTP/1.1 ', ' HTTP/2.0', ' HTTP/1.2', ' http/1.1', ' HTTP/0.9', '', '\tHTTP/1.1', '  HTTP/1.1', ' HTTP/1.1 x', ' HTTP/01.1', ' HTTP/1.1\t', ' HTTP/3', ' HTTP/1.', ' XTTP/1.1', ' HTTP/11.1',
] // biome-ignore format: a list to be looked over

/** What a request is made odd in; several may come together. */
type Twist =
  | 'target'
  | 'host'
  | 'forged'
  | 'line'
  | 'framing'
  | 'method'
  | 'version'
  | 'upgrade'
  | 'expect'
  | 'many'
  | 'ends'
  | 'hosts'

const twists: readonly Twist[] = [
  'target', 'target', 'target', 'target', 'target', 'target', 'forged', 'forged', 'forged', 'forged', 'line', 'line', 'line', 'host', 'host', 'hosts',
  'framing', 'framing', 'method', 'version', 'upgrade', 'expect', 'ends',
] // biome-ignore format: a list to be looked over

export function generate(seed: number, number: number): FuzzCase {
  const random = createRandom(seed, number)
  const made = Array.from({ length: random.once(6) ? 2 + random.below(3) : 1 }, () => makeRequest(random))
  const isDoubtful = made.some(one => one.isDoubtful)
  const requests = made.map(({ request }) => request)
  // It ends the connection, where it is taken for a request and not for a body.
  return { requests: isDoubtful ? [...requests, closing] : requests, isDoubtful }
}

const closing: RawRequest = {
  method: 'GET',
  target: ['/<<m>>'],
  version: ' HTTP/1.1',
  headers: ['Host: wiki.localhost', 'X-Mark: <<m>>', 'Connection: close'],
  eol: '\r\n',
  body: '',
}

function makeRequest(random: Random): { request: RawRequest; isDoubtful: boolean } {
  const chosen = new Set(random.once(3) ? [] : random.some(twists, 1, random.once(4) ? 3 : 1))
  if (random.once(400)) chosen.add('many')
  const method = chosen.has('method') ? random.pick(oddMethods) : random.pick(usual)
  const framed = frameOf(random, chosen, method)
  const host = chosen.has('host') ? oddHost(random) : plainHost(random)
  const headers = [
    ...hostLines(random, chosen, host),
    'X-Mark: <<m>>',
    ...linesOf(random, chosen),
    ...cookieLines(random, host),
  ]
  const isCut = ['method', 'version', 'ends', 'upgrade', 'line', 'expect', 'hosts'].some(twist =>
    chosen.has(twist as Twist),
  )
  const request: RawRequest = {
    method,
    target: chosen.has('target') ? oddTarget(random) : plainTarget(random),
    version: chosen.has('version') ? random.pick(versions) : ' HTTP/1.1',
    headers: [...headers, ...framed.headers],
    eol: chosen.has('ends') && random.once(2) ? '\n' : '\r\n',
    body: framed.body,
  }
  return { request, isDoubtful: framed.isDoubtful || isCut }
}

function frameOf(random: Random, chosen: ReadonlySet<Twist>, method: string): Framed {
  if (chosen.has('framing')) return doubtfulBody(random)
  if (['POST', 'PUT', 'PATCH', 'REPORT'].includes(method) || random.once(20)) return plainBody(random)
  return { headers: [], body: '', isDoubtful: false }
}

function hostLines(random: Random, chosen: ReadonlySet<Twist>, host: string): string[] {
  if (!chosen.has('hosts')) return [`Host: ${host}`]
  const second = random.once(2) ? oddHost(random) : plainHost(random)
  return random.pick([
    [],
    [`Host: ${host}`, `Host: ${host}`],
    [`Host: ${host}`, `Host: ${second}`],
    [`HOST: ${host}`, `host: ${second}`],
    [`Host: ${host}`, `X-Note: a`, ` Host: ${second}`],
    [`Host : ${host}`],
    [`Host:\r\n ${host}`],
    [`Host: ${host}\r\n ${second}`],
    [` Host: ${second}`, `Host: ${host}`],
    [`Host: ${host}`, `Host\t: ${second}`],
  ])
}

function linesOf(random: Random, chosen: ReadonlySet<Twist>): string[] {
  return [
    ...(chosen.has('forged') ? Array.from({ length: 1 + random.below(3) }, () => forgedLine(random)) : []),
    ...(chosen.has('line') ? Array.from({ length: 1 + random.below(2) }, () => oddLine(random)) : []),
    ...(chosen.has('upgrade') ? upgradeLines(random) : []),
    ...(chosen.has('expect') ? [expectLine(random)] : []),
    ...(chosen.has('many') ? manyLines(random) : []),
    ...(random.once(12) ? [`X-Waf-Verdict: ${random.pick(['block', 'pass'])}`] : []),
  ]
}

/** Alice mostly; sometimes somebody who may not, and sometimes nobody. */
function cookieLines(random: Random, host: string): string[] {
  const site = host.toLowerCase().includes('payroll') ? 'payroll' : 'wiki'
  if (random.once(8)) return []
  const cookie = `<<${random.once(10) ? 'bob' : 'alice'}@${site}>>`
  return [`Cookie: ${random.once(4) ? `a=b; ${cookie}; c="d"` : cookie}`]
}
