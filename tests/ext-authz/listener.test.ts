/** Who gets as far as asking over gRPC, and how the listener ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createGrpcListener } from '../../app/ext-authz/listener.ts'
import type { Reply } from '../../app/fronts/front.ts'
import { createAuthority } from '../certificates.ts'
import { requirePeer } from '../peers.ts'
import { startService, type TestService } from '../service.ts'
import { createEnvoyClient, requestAbout } from './client.ts'

const url = 'https://wiki.example.com/public/a'
const policy = 'p, anyone, wiki.example.com, /public/**, read, -, allow\n'
const about = requestAbout({ url })
const idle = { limits: { maxHeaderLines: 10, maxHeaderBytes: 1000 }, maxMessageBytes: 10_000, onRefused: () => {} }

describe.skipIf(requirePeer('openssl') === undefined)('the listener with TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-grpc-'))
  const authority = createAuthority('Mesh')
  const stranger = createAuthority('Stranger')
  const mine = authority.issue('envoy')
  const theirs = stranger.issue('envoy')
  const server = authority.issue('localhost', ['localhost'])
  const file = (name: string, text: string | Buffer): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const tls = () => ({
    certificateFile: file('cert.pem', server.certificate),
    keyFile: file('key.pem', server.key),
    clientCaFile: file('ca.pem', authority.certificate),
  })
  let world: TestService
  beforeAll(async () => {
    world = await startService({ policy, settings: { envoy: { listen: '127.0.0.1:0', tls: tls() } } })
  })
  afterAll(async () => {
    await world?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const root = Buffer.from(authority.certificate)
  const ask = async (trust: Parameters<typeof createEnvoyClient>[1], { service } = world) => {
    const client = createEnvoyClient(service.ports().envoy ?? 0, trust)
    try {
      return (await client.check(about, { deadline: Date.now() + 30_000 })).status.code
    } finally {
      client.close()
    }
  }

  it('A23 answers a proxy with a certificate of the authority', async () => {
    expect(await ask(credentials.createSsl(root, Buffer.from(mine.key), Buffer.from(mine.certificate)))).toBe(0)
  })

  it.each([
    ['none', () => credentials.createSsl(root)],
    [
      'one of somebody else',
      () => credentials.createSsl(root, Buffer.from(theirs.key), Buffer.from(theirs.certificate)),
    ],
    ['plain text', () => credentials.createInsecure()],
  ])('A23 answers nobody with %s', async (_what, trust) => {
    await expect(ask(trust())).rejects.toMatchObject({ code: 14 })
  })

  it.each([
    ['certificateFile', () => join(directory, 'nowhere.pem'), 'it cannot be read'],
    ['certificateFile', () => file('key.pem', server.key), 'it holds no certificate'],
    ['keyFile', () => file('cert.pem', server.certificate), 'it cannot be read as a private key'],
    ['keyFile', () => file('other.pem', mine.key), 'it belongs to another certificate than that of certificateFile'],
    ['clientCaFile', () => file('empty.pem', ''), 'it holds no certificate'],
    ['clientCaFile', () => file('key.pem', server.key), 'it holds no certificate'],
  ])('A45 does not start with a wrong %s, and says which file it is and why', async (setting, path, why) => {
    const settings = { envoy: { listen: '127.0.0.1:0', tls: { ...tls(), [setting]: path() } } }
    const refused = await startService({ policy, settings }).catch((error: Error) => error.message)
    if (typeof refused !== 'string') await refused.close()
    expect(refused).toContain(`envoy.tls.${setting}: ${path()} cannot be used: ${why}`)
  })

  it('A27 answers nobody of the authority who has another name, where names are listed', async () => {
    const named = await startService({
      policy,
      settings: { envoy: { listen: '127.0.0.1:0', tls: { ...tls(), clientNames: ['spiffe://corp/envoy', 'edge'] } } },
    })
    const by = (...names: string[]) => {
      const { key, certificate } = authority.issue('edge', names)
      return ask(credentials.createSsl(root, Buffer.from(key), Buffer.from(certificate)), named)
    }
    try {
      for (const names of [['URI:spiffe://corp/envoy'], ['edge'], ['other', 'URI:spiffe://corp/envoy']]) {
        expect([names, await by(...names)]).toEqual([names, 0])
      }
      for (const names of [
        [],
        ['other'],
        ['URI:spiffe://corp/envoy/x'],
        ['URI:edge:spiffe://corp/envoy'],
        ['email:edge'],
      ])
        expect([names, await by(...names)]).toEqual([names, 7])
      expect(await ask(credentials.createSsl(root, Buffer.from(mine.key), Buffer.from(mine.certificate)), named)).toBe(
        7,
      )
    } finally {
      await named.close()
    }
  })
})

describe('the listener', () => {
  it('A27 ends a health watch that cannot be read or is one too many, and forgets those that have gone', async () => {
    const listener = createGrpcListener({ ...idle, execute: () => ({ status: 200, headers: [], body: '' }) })
    await listener.listen({ host: '127.0.0.1', port: 0 })
    const client = createEnvoyClient(listener.port())
    await expect(client.watch(Buffer.from([0xff])).first).rejects.toMatchObject({ code: 3 })
    expect(await client.watch('another').first).toBe(3)
    const streams = Array.from({ length: 199 }, () => client.watch(''))
    expect(new Set(await Promise.all(streams.map(({ first }) => first)))).toEqual(new Set([1]))
    await expect(client.watch('').first).rejects.toMatchObject({ code: 8 })
    for (const { cancel } of streams) cancel()
    await expect.poll(() => client.watch('').first.catch(() => 8), { timeout: 30_000 }).toBe(1)
    await listener.close(1_000)
    client.close()
  })

  it('A23 answers no peer that is no trusted proxy, whatever the message says', async () => {
    const settings = { envoy: { listen: '127.0.0.1:0' }, server: { trustedProxies: ['192.0.2.1'] } }
    const world = await startService({ policy, settings })
    const client = createEnvoyClient(world.service.ports().envoy ?? 0)
    try {
      const { status, denied_response: denied } = await client.check(about)
      expect([status.code, denied?.status.code]).toEqual([7, 403])
    } finally {
      client.close()
      await world.close()
    }
  })

  it('finishes what it has begun, says that it goes, and takes no more', async () => {
    let answer: (reply: Reply) => void = () => {}
    let begun: () => void = () => {}
    const isAsked = new Promise<void>(resolve => {
      begun = resolve
    })
    const listener = createGrpcListener({
      execute: () => {
        begun()
        return new Promise<Reply>(resolve => {
          answer = resolve
        })
      },
      ...idle,
    })
    await listener.listen({ host: '127.0.0.1', port: 0 })
    const client = createEnvoyClient(listener.port())
    const asked = client.check(about)
    await isAsked
    const closed = listener.close(60_000)
    const late = createEnvoyClient(listener.port())
    await expect(late.check(about, { deadline: Date.now() + 20_000 })).rejects.toMatchObject({ code: 14 })
    answer({ status: 200, headers: [], body: '' })
    expect((await asked).status.code).toBe(0)
    client.close()
    late.close()
    await closed
  })

  it('lets go of a check that is never answered', async () => {
    const listener = createGrpcListener({
      execute: () => new Promise<Reply>(() => {}),
      ...idle,
    })
    await listener.listen({ host: '127.0.0.1', port: 0 })
    const client = createEnvoyClient(listener.port())
    await expect(client.check(about, { deadline: Date.now() + 500 })).rejects.toMatchObject({ code: 4 })
    const open = client.check(about)
    const failed = expect(open).rejects.toMatchObject({ code: expect.any(Number) })
    await listener.close(50)
    await failed
    client.close()
  })
})
