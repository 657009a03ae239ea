/** A short run through every proxy, and that a run finds what a proxy lets through. `npm run fuzz` is the long one. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ProxyKind, programOf, proxyKinds } from '../../cli/demo/proxies/proxies.ts'
import { requirePeer } from '../peers.ts'
import type { FuzzCase } from './fuzz-case.ts'
import { fuzzProxy } from './fuzz-proxy.ts'
import { type FuzzStack, startFuzzStack } from './fuzz-stack.ts'
import { generate } from './generate.ts'
import { knownCases } from './known-cases.ts'
import { createFuzzer, type Found, type Fuzzer } from './run-fuzz.ts'
import { createUpstream } from './upstream.ts'
import { judge } from './verdict.ts'

const isAbsent = (kind: ProxyKind): boolean => kind !== 'built-in' && requirePeer(programOf(kind)) === undefined
/** Enough to say what it was, and how to see it again. */
const told = (found: readonly Found[]) =>
  found.map(({ kind, detail, sent, case: number }) => ({ kind, detail, number, sent }))
const shortRun = 900
const known = (wanted: string) =>
  knownCases.filter(({ id }) => id === wanted).map(({ name, fuzzCase }) => [name, fuzzCase] as const)

describe.each(proxyKinds.filter(kind => !isAbsent(kind)))('raw requests through %s', kind => {
  let stack: FuzzStack | undefined
  let fuzzer: Fuzzer | undefined
  const run = async (numbers: Iterable<number>, caseOf: Parameters<Fuzzer['run']>[1]) => fuzzer?.run(numbers, caseOf)

  beforeAll(async () => {
    stack = await startFuzzStack(kind)
    fuzzer = createFuzzer(stack)
  })
  afterAll(async () => {
    fuzzer?.close()
    await stack?.stop()
  })

  const isClean = async (_name: string, fuzzCase: FuzzCase) => {
    expect(told((await run([0], () => fuzzCase)) ?? [])).toEqual([])
  }
  it.each(known('A40'))('A40 keep %s from the application', isClean)
  it.each(known('A41'))('A41 keep %s from the application', isClean)
  it.each(known('A42'))('A42 keep %s from the application', isClean)
  it.each(known('A43'))('A43 keep %s from the application', isClean)

  it(`reach the application as they were judged, or not at all, in ${shortRun} cases`, async () => {
    const numbers = Array.from({ length: shortRun }, (_, number) => number)
    expect(told((await run(numbers, number => generate(20_261_130, number))) ?? [])).toEqual([])
    expect(fuzzer?.counts.arrived).toBeGreaterThan(shortRun / 4)
    expect(stack?.checks.counts.denied).toBeGreaterThan(0)
  })
})

describe.skipIf(isAbsent('nginx'))('a run through NGINX that protects less', () => {
  const nginxFile = 'templates/sallyport.conf.template'
  const locationFile = 'templates/sallyport-location.conf.template'

  it.each([
    [
      'lets aliases of our headers through',
      nginxFile,
      'underscores_in_headers off',
      'underscores_in_headers on',
      'forged header',
    ],
    ['asks nobody', locationFile, 'auth_request /.sallyport/verify;', '', 'not asked about'],
    ['passes the cookies on', locationFile, /^proxy_set_header Cookie .*$/m, '', 'session cookie'],
  ] as const)('finds one that %s', async (...[, file, from, to, kind]) => {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-fuzz-nginx-'))
    try {
      cpSync(join(import.meta.dirname, '../../deploy/nginx'), directory, { recursive: true })
      const text = readFileSync(join(directory, file), 'utf8')
      const changed = text.replace(from, to)
      expect(changed).not.toBe(text)
      writeFileSync(join(directory, file), changed)
      const options = {
        seed: 1,
        first: 0,
        count: 4_000,
        proxyFiles: directory,
        isFirstEnough: true,
        casesOfPart: 200,
        mostTries: 5,
      }
      const { findings } = await fuzzProxy('nginx', options)
      expect(findings.map(finding => finding.kind)).toContain(kind)
      expect(findings.some(({ isAlone }) => isAlone)).toBe(true)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

describe('what arrived, held against what was judged', () => {
  const mark = 'zq0000001q'
  const allowed = () => new Map([[mark, [{ domain: 'wiki.localhost', resource: `/${mark}/a`, action: 'GET' }]]])
  const facts = () => ({ allowed: allowed(), targets: new Map([[mark, `/${mark}/a?x`]]), secrets: ['s.secret'] })

  it.each([
    ['the same', `GET /${mark}/a?x HTTP/1.1`, '', []],
    ['the same, spelled otherwise', `GET /${mark}//%61?x HTTP/1.1`, '', []],
    ['another path', `GET /${mark}/b?x HTTP/1.1`, '', ['another request than was judged']],
    ['another method', `POST /${mark}/a?x HTTP/1.1`, '', ['another request than was judged']],
    ['another query', `GET /${mark}/a?y HTTP/1.1`, '', ['query']],
    ['what nobody was asked about', 'GET /zq0000002q/a HTTP/1.1', '', ['not asked about']],
    ['dots', `GET /${mark}/../a HTTP/1.1`, '', ['no canonical form', 'query']],
    ['somebody where nobody was judged', `GET /${mark}/a?x HTTP/1.1`, 'Remote_User: bob\r\n', ['identity']],
    [
      'a forged line behind a lone LF',
      `GET /${mark}/a?x HTTP/1.1`,
      'X-Note: a\nRemote-Email: forged\r\n',
      ['framing', 'forged header'],
    ],
    ['our cookie', `GET /${mark}/a?x HTTP/1.1`, 'Cookie: a="s.secret"\r\n', ['session cookie']],
    ['a name in Connection', `GET /${mark}/a?x HTTP/1.1`, 'Connection: Remote-User\r\n', ['connection']],
    ['two lengths', `GET /${mark}/a?x HTTP/1.1`, 'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', ['framing']],
  ])('knows %s', async (_, line, lines, kinds) => {
    const body = lines.includes('chunked') ? '0\r\n\r\n' : ''
    const arrived = await arrivedOf(`${line}\r\nHost: wiki.localhost\r\n${lines}\r\n${body}`)
    expect(judge(arrived, facts()).map(({ kind }) => kind)).toEqual(kinds)
  })

  it('takes one check for one request', async () => {
    const again = facts()
    const arrived = await arrivedOf(`GET /${mark}/a?x HTTP/1.1\r\nHost: wiki.localhost\r\n\r\n`)
    expect(judge(arrived, again)).toEqual([])
    expect(judge(arrived, again).map(({ kind }) => kind)).toEqual(['not asked about'])
  })
})

function arrivedOf(bytes: string): Promise<Parameters<typeof judge>[0]> {
  return new Promise(resolve => {
    const server = createUpstream('wiki', arrived => {
      server.close()
      resolve(arrived)
    })
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const socket = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1')
      socket.end(Buffer.from(bytes, 'latin1'))
    })
  })
}
