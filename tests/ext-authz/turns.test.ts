/** Checks over gRPC that arrive together are judged together. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthorization } from '../../app/ext-authz/authorization.ts'
import { createGrpcListener, type GrpcListener } from '../../app/ext-authz/listener.ts'
import type { Subrequest } from '../../app/fronts/front.ts'
import { createTurnQueue } from '../../app/listener/turn-queue.ts'
import { createEnvoyClient, encode, requestAbout } from './client.ts'

const limits = { maxHeaderLines: 10, maxHeaderBytes: 1000 }
const allow = { status: 200, headers: [], body: '' }
const about = (path: string) => requestAbout({ url: `https://wiki.example.com${path}` })

describe('a turn', () => {
  it('is over before anything that arrived in it is judged, and then all of it is, in order', () => {
    const waiting: (() => void)[] = []
    const judged: string[] = []
    const service = createAuthorization({
      limits,
      onRefused: () => undefined,
      execute: ({ target }: Subrequest) => {
        judged.push(target)
        return allow
      },
      createQueue: handle => item => waiting.push(() => handle(item)),
    })
    const check = service.Check as unknown as (call: object, callback: () => void) => void
    const answered: string[] = []
    for (const path of ['/a', '/b']) {
      const call = {
        request: encode(about(path)),
        cancelled: path === '/b',
        getPeer: () => '[::1]:5',
        getAuthContext: () => ({}),
      }
      check(call, () => answered.push(path))
    }
    expect(judged).toEqual([])
    for (const next of waiting) next()
    expect(judged).toEqual(['/a', '/b'])
    // Whoever has gone is told nothing.
    expect(answered).toEqual(['/a'])
  })
})

describe('calls on one connection', () => {
  const peers = new Set<string>()
  let listener: GrpcListener
  beforeAll(async () => {
    listener = createGrpcListener({
      limits,
      maxMessageBytes: 10_000,
      onRefused: () => undefined,
      execute: ({ target, peerAddress }) => {
        peers.add(peerAddress)
        if (target === '/never') throw new Error('one that breaks')
        return target.startsWith('/no') ? { ...allow, status: 403 } : allow
      },
      createQueue: createTurnQueue,
    })
    await listener.listen({ host: '127.0.0.1', port: 0 })
  })
  afterAll(() => listener?.close())

  it('get each its own answer, also beside one that breaks', async () => {
    const client = createEnvoyClient(listener.port())
    try {
      const paths = Array.from({ length: 60 }, (_, place) => ['/yes', '/no', '/never'][place % 3] as string)
      const codes = await Promise.all(paths.map(async path => (await client.check(about(path))).status.code))
      expect(codes).toEqual(paths.map(path => ({ '/yes': 0, '/no': 7, '/never': 2 })[path]))
      expect([...peers]).toEqual(['127.0.0.1'])
    } finally {
      client.close()
    }
  })
})
