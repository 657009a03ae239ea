/** How a question arrives: as slow or as long as whoever asks sends it, and from where. */
import { connect } from 'node:net'
import express from 'express'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { clientIn } from '../../app/authzen/arrival.ts'
import { createTrustedProxies } from '../../app/fronts/trusted-proxies.ts'
import { fc } from '../properties.ts'
import { about, type QuestionWorld, startQuestions } from './world.ts'

const policy = `
p, client:apps/payroll, authzen,  /app:todo, evaluate, -, allow
p, anyone,              app:todo, /todo/*,   can_read, -, allow
`
const text = JSON.stringify(about('user:alice', 'can_read', 'todo:1'))
const yes = '{"decision":true}'

describe('what is sent', () => {
  let world: QuestionWorld
  beforeAll(async () => {
    world = await startQuestions(policy, {
      applications: [{ name: 'todo', types: ['todo'], actions: ['can_read'] }],
    })
  })
  afterAll(() => world?.close())

  const headOf = (...more: readonly string[]): string => {
    const own = [`Host: ${new URL(world.publicUrl).host}`, `Authorization: Bearer ${world.token('payroll')}`]
    return ['POST /access/v1/evaluation HTTP/1.1', ...own, 'Content-Type: application/json', ...more, '', ''].join(
      '\r\n',
    )
  }

  /** Writes one piece after the other; all that comes back, until `isEnough`. */
  function converse(pieces: readonly string[], isEnough: (received: string) => boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(world.service.ports().main, '127.0.0.1')
      let received = ''
      socket.setNoDelay(true)
      socket.on('error', reject)
      socket.on('close', () => resolve(received))
      socket.on('data', chunk => {
        received += chunk.toString('latin1')
        if (isEnough(received)) socket.destroy()
      })
      const write = ([piece, ...others]: readonly string[]): void => {
        if (piece === undefined) return
        // The other side reads in a turn of its own, and mostly before the next piece.
        socket.write(piece, () => setTimeout(write, 20, others))
      }
      write(pieces)
    })
  }
  /** As many answers as are expected, each whole: a body of JSON behind an empty line. */
  const answers =
    (count: number) =>
    (received: string): boolean =>
      received.split(/\r\n\r\n["{]/).length > count && /["}]$/.test(received)
  const answersIn = (received: string): string[] => received.match(/HTTP\/1\.1 \d+/g)?.map(line => line.slice(-3)) ?? []

  it.each([
    ['in one piece', (head: string, body: string) => [head + body]],
    ['a head, then a body', (head: string, body: string) => [head, body]],
    ['byte for byte at the end', (head: string, body: string) => [head + body.slice(0, -3), ...body.slice(-3)]],
  ])('%s', async (_, piecesOf) => {
    const pieces = piecesOf(headOf(`Content-Length: ${text.length}`), text)
    expect(await converse(pieces, answers(1))).toContain(yes)
  })

  it('in chunks, with no length said before', async () => {
    const chunks = [text.slice(0, 40), text.slice(40)].map(part => `${part.length.toString(16)}\r\n${part}\r\n`)
    const pieces = [headOf('Transfer-Encoding: chunked'), ...chunks, '0\r\n\r\n']
    expect(await converse(pieces, answers(1))).toContain(yes)
    expect(await converse([pieces.join('')], answers(1))).toContain(yes)
  })

  it('several behind each other, answered in their order', async () => {
    const no = text.replace('can_read', 'can_fly')
    const pieces = [text, no, text].map(body => headOf(`Content-Length: ${body.length}`) + body)
    const received = await converse([pieces.join('')], answers(3))
    expect(received.match(/"decision":\w+/g)).toEqual(['"decision":true', '"decision":false', '"decision":true'])
  })

  it.each([
    ['says so', (body: string) => headOf(`Content-Length: ${body.length}`) + body],
    [
      'is in chunks',
      (body: string) => `${headOf('Transfer-Encoding: chunked')}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ],
  ])('J155 one that is too long and %s is refused, and the next is answered', async (_, questionOf) => {
    const long = `{"context":{"x":"${'a'.repeat(300_000)}"},${text.slice(1)}`
    const next = headOf(`Content-Length: ${text.length}`) + text
    const received = await converse([questionOf(long), next], answers(2))
    expect(answersIn(received)).toEqual(['413', '200'])
    expect(received).toContain(yes)
  })

  it('J155 one that breaks off is not judged', async () => {
    const of = (id: string): string => text.replace('alice', id)
    const socket = connect(world.service.ports().main, '127.0.0.1')
    socket.write(headOf(`Content-Length: ${of('broken').length}`) + of('broken').slice(0, -1))
    socket.end()
    await new Promise(resolve => socket.resume().once('close', resolve))
    expect(await world.decides(JSON.parse(of('whole')))).toBe(true)
    const judged = () => world.auditEvents().map(({ askedAbout }) => askedAbout)
    // The log keeps the order of what was judged.
    await vi.waitFor(() => expect(judged()).toContain('user:whole'), { timeout: 60_000 })
    expect(judged()).not.toContain('user:broken')
  })

  it('says to browsers what every page says', async () => {
    const { headers } = await world.question('evaluation', JSON.parse(text))
    const page = await fetch(`http://127.0.0.1:${world.service.ports().main}/access/v1/nothing`, { method: 'POST' })
    const meant = /^(x-(content|frame|dns|download|permitted|xss)-|cross-origin|origin-agent|referrer|strict-transport)/
    const ofPage = [...page.headers].filter(([name]) => meant.test(name))
    expect(ofPage.length).toBeGreaterThan(8)
    expect(headers).toMatchObject(Object.fromEntries(ofPage))
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'content-type': 'application/json; charset=utf-8' })
  })

  it('J155 under another name nothing is answered', async () => {
    const asked = headOf(`Content-Length: ${text.length}`, 'Connection: close').replace(
      /Host: [^\r]*/,
      'Host: elsewhere',
    )
    const received = await converse([asked + text], () => false)
    expect(answersIn(received)).toEqual(['421'])
  })
})

describe('where a question comes from', () => {
  const { isTrusted } = createTrustedProxies(['127.0.0.0/8', '::1/128', '10.0.0.0/8'])
  const app = express().set('trust proxy', isTrusted)
  const ofExpress = (forwardedFor: string | undefined, remoteAddress: string): string | undefined => {
    const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
    return Object.assign(Object.create(app.request), { headers, socket: { remoteAddress } }).ip
  }

  it('is what it is of a page', () => {
    const address = fc.constantFrom('127.0.0.1', '10.1.2.3', '::1', '203.0.113.9', '2001:db8::1', '::ffff:10.0.0.1')
    const hop = fc.oneof(address, fc.constantFrom('', ' ', 'nonsense', '1.2.3.4:5', '\t10.0.0.1'))
    const list = fc.array(fc.tuple(fc.constantFrom('', ' ', '  '), hop, fc.constantFrom('', ' ')))
    fc.assert(
      fc.property(fc.option(list, { nil: undefined }), address, (hops, peer) => {
        const forwardedFor = hops?.map(parts => parts.join('')).join(',')
        const expected = ofExpress(forwardedFor, peer)
        const known = expected !== undefined && /^[\da-f.:]+$/i.test(expected) && !expected.includes(':5')
        expect(clientIn(forwardedFor, peer, isTrusted)).toBe(known ? expected : undefined)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is nobody knows where, when the connection is gone', () => {
    expect(clientIn('203.0.113.9', undefined, isTrusted)).toBeUndefined()
  })
})
