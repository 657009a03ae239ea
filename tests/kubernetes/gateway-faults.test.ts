/** What the gateway does when something around it fails or is exchanged: nobody passes by mistake, and it recovers by itself. */
import { writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readKubeconfig } from '../../app/kubernetes/gateway/upstream/kubeconfig.ts'
import { issueExpired } from './expired-certificate.ts'
import {
  askHttp1,
  askHttp2,
  connectRaw,
  createPromise,
  type FakeApiServer,
  startAuthority,
  startFakeApiServer,
  startWorld,
  type World,
} from './gateway-world.ts'

const authority = startAuthority()
const stranger = startAuthority()
let api: FakeApiServer
let world: World

beforeAll(async () => {
  api = await startFakeApiServer(authority)
  world = await startWorld({ authority, access: api.access })
})
afterAll(async () => {
  await world.close()
  await api.close()
  authority.close()
  stranger.close()
})

const path = '/clusters/prod/api/v1/pods'
const messageOf = (text: string) => (JSON.parse(text) as { message: string }).message

describe('a kubeconfig that is written anew', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const kubeconfig = (server: string, token: string) =>
    JSON.stringify({
      'current-context': 'main',
      clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': base64(authority.certificate) } }],
      users: [{ name: 'u', user: { token } }],
      contexts: [{ name: 'main', context: { cluster: 'c', user: 'u' } }],
    })

  test('counts from the next call on: another token, another server; what cannot be used changes nothing', async () => {
    const other = await startFakeApiServer(authority)
    const seen: string[] = []
    for (const [name, one] of Object.entries({ first: api, second: other })) {
      one.answer((request, response) => {
        seen.push(`${name} ${request.headers.authorization}`)
        response.end(seen.at(-1))
      })
    }
    const file = join(world.directory, 'kubeconfig')
    writeFileSync(file, kubeconfig(api.access.server, 'one'))
    const read = (text: string) => readKubeconfig(text, { path: file })
    const changing = await startWorld({ authority, access: { file, read } })
    const ask = async () => (await askHttp1(changing.port, authority, { path })).text
    expect(await ask()).toBe('first Bearer one')
    writeFileSync(file, kubeconfig(api.access.server, 'two'))
    await expect.poll(ask).toBe('first Bearer two')
    writeFileSync(file, '{ half')
    await expect.poll(() => changing.logged.length).toBeGreaterThan(0)
    expect(String(changing.logged[0]?.err)).toContain('this is no YAML that can be read')
    expect(await ask()).toBe('first Bearer two')
    writeFileSync(file, kubeconfig(other.access.server, 'three'))
    await expect.poll(ask).toBe('second Bearer three')
    // Threat: the token of one server is shown to another.
    expect(new Set(seen)).toEqual(new Set(['first Bearer one', 'first Bearer two', 'second Bearer three']))
    await changing.close()
    await other.close()
  })

  test('does not touch what is under way', async () => {
    const asked = createPromise<ServerResponse>()
    api.answer((_request, response) => {
      response.write('{"half":')
      asked.resolve(response)
    })
    const file = join(world.directory, 'kubeconfig-2')
    writeFileSync(file, kubeconfig(api.access.server, 'one'))
    const changing = await startWorld({
      authority,
      access: { file, read: text => readKubeconfig(text, { path: file }) },
    })
    const under = askHttp1(changing.port, authority, { path })
    const response = await asked.promise
    api.answer((request, answer) => answer.end(request.headers.authorization))
    writeFileSync(file, kubeconfig(api.access.server, 'two'))
    const ask = async () => (await askHttp1(changing.port, authority, { path })).text
    await expect.poll(ask).toBe('Bearer two')
    response.end('1}')
    expect((await under).text).toBe('{"half":1}')
    await changing.close()
  })
})

describe('the certificate of an API server', () => {
  test('L09 that is over or of somebody else: 502, and again the answer when it is mended', async () => {
    const own = await startFakeApiServer(authority)
    own.answer((_request, response) => {
      // Another handshake for each call: a kept connection has been verified already.
      response.shouldKeepAlive = false
      response.end('{}')
    })
    const caFile = join(world.directory, 'ca.pem')
    writeFileSync(caFile, authority.certificate)
    const one = await startWorld({ authority, access: { ...own.access, authority: { file: caFile } } })
    const ask = async () => await askHttp1(one.port, authority, { path })
    const show = ({ certificate, key }: { certificate: string; key: string }) =>
      own.server.setSecureContext({ cert: certificate, key })
    const names = ['localhost', 'IP:127.0.0.1']
    expect((await ask()).status).toBe(200)

    show(issueExpired(authority, 'localhost'))
    const expired = await ask()
    expect(expired.status).toBe(502)
    expect(messageOf(expired.text)).toContain('does not trust the certificate of the API server of prod')
    expect(one.logged.map(({ err }) => (err as NodeJS.ErrnoException).code)).toEqual(['CERT_HAS_EXPIRED'])

    show(authority.issue('kube-apiserver', names))
    expect((await ask()).status).toBe(200)

    // Another authority signs from now on; the gateway is told a little later.
    show(stranger.issue('kube-apiserver', names))
    expect((await ask()).status).toBe(502)
    writeFileSync(caFile, stranger.certificate)
    await expect.poll(async () => (await ask()).status).toBe(200)
    await one.close()
    await own.close()
  })
})

describe('an API server that is slow', () => {
  test('L09 lets calls wait in a bounded time, and nothing of them is left', async () => {
    const open = new Set<Socket>()
    const silent = createTcpServer(socket => {
      open.add(socket)
      // Who does not read does not see the end of a connection.
      socket
        .resume()
        .on('error', () => undefined)
        .once('close', () => open.delete(socket))
    })
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as { port: number }
    const access = { ...api.access, server: `https://127.0.0.1:${port}` }
    const one = await startWorld({ authority, access, connectTimeoutMs: 300 })
    const session = one.http2()
    const answers = await Promise.all(Array.from({ length: 20 }, () => askHttp2(session, { ':path': path })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([504]))
    for (const { outcome } of one.admitted) expect(await outcome).toMatchObject({ ending: 'upstream-failed' })
    await expect.poll(() => open.size).toBe(0)
    await one.close()
    silent.close()
  })
})

describe('a client that reads slowly, or never', () => {
  test.each([1, 2])('holds up the API server and nobody else (HTTP/%i)', async version => {
    let written = 0
    const isFull = createPromise<void>()
    api.answer((request, response) => {
      response.on('error', () => undefined)
      if (!request.url?.includes('limit')) return void response.end('{}')
      const chunk = Buffer.alloc(65_536)
      const fill = (): void => {
        while (response.write(chunk)) written += chunk.length
        const full = setTimeout(isFull.resolve, 700)
        response.once('drain', () => {
          clearTimeout(full)
          fill()
        })
      }
      fill()
    })
    const next = world.next()
    const session = world.http2()
    const target = `${path}?limit=5`
    const deaf = version === 1 ? await connectRaw(world.port, authority) : session.request({ ':path': target }).pause()
    if ('socket' in deaf) {
      deaf.socket.pause()
      deaf.socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    } else deaf.on('error', () => undefined)
    const admitted = await next
    await isFull.promise
    // What the kernel holds for both connections, and nothing that grows.
    expect(written).toBeLessThan(40_000_000)
    for (let call = 0; call < 20; call += 1) expect((await askHttp2(session, { ':path': path })).text).toBe('{}')
    if ('socket' in deaf) deaf.socket.destroy()
    else deaf.close(8)
    expect(await admitted.outcome).toMatchObject({ ending: 'client-gone' })
  })
})

describe('trailers of a request', () => {
  test('that are announced are refused at once', async () => {
    const answer = await world.ask({ path, method: 'POST', headers: { trailer: 'Impersonate-User' }, body: '{}' })
    expect(answer.status).toBe(400)
    expect(messageOf(answer.text)).toContain('the request has trailers, which are not passed on')
  })

  test.each([1, 2])('that come unannounced: the API server gets a body without an end (HTTP/%i)', async version => {
    const acted = createPromise<string>()
    const begun = createPromise<void>()
    api.answer((request, response) => {
      request.once('data', () => begun.resolve())
      request.once('end', () => {
        acted.resolve('acted')
        response.end('{}')
      })
      request.once('error', error => acted.resolve(error.message))
    })
    if (version === 1) {
      const raw = await connectRaw(world.port, authority)
      raw.socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`)
      await begun.promise
      raw.socket.write('0\r\nImpersonate-User: root\r\n\r\n')
      await raw.until(bytes => bytes.includes('trailers, which are not passed on'), 'the refusal')
      expect(raw.bytes().toString()).toMatch(/^HTTP\/1\.1 400 /)
      raw.socket.destroy()
    } else {
      const stream = world.http2().request({ ':path': path, ':method': 'POST' }, { waitForTrailers: true })
      stream.once('wantTrailers', () => stream.sendTrailers({ 'impersonate-user': 'root' }))
      const head = new Promise<number>(resolve => stream.once('response', all => resolve(Number(all[':status']))))
      stream.write('{}')
      await begun.promise
      stream.end()
      expect(await head).toBe(400)
      stream.destroy()
    }
    expect(await acted.promise).toBe('aborted')
  })
})

test('an address that an application behind the proxy of the API server sends its visitor to leads through the gateway', async () => {
  const host = new URL(api.access.server).host
  const proxied = '/api/v1/namespaces/a/services/web/proxy'
  api.answer((request, response) => {
    response.writeHead(302, { location: decodeURIComponent(String(request.url?.split('?to=')[1])) }).end()
  })
  const cases = [
    [`${proxied}/login?a=b#c`, `/clusters/prod${proxied}/login?a=b#c`],
    [`https://${host}${proxied}/`, `/clusters/prod${proxied}/`],
    [`//${host}/x`, '/clusters/prod/x'],
    ['login', 'login'],
    ['../up?x=/y', '../up?x=/y'],
    ['https://elsewhere.example.com/x', 'https://elsewhere.example.com/x'],
    ['//elsewhere.example.com/x', '//elsewhere.example.com/x'],
  ]
  for (const [sent = '', got] of cases) {
    const { headers } = await world.ask({ path: `/clusters/prod${proxied}/?to=${encodeURIComponent(sent)}` })
    expect(headers.location, sent).toBe(got)
  }
})

test('a gateway that hands over takes no connections, ends what is idle by asking, and carries what comes before', async () => {
  const one = await startWorld({ authority, access: api.access })
  const goOn = createPromise<void>()
  api.answer((request, response) => {
    if (request.url?.includes('slow')) void goOn.promise.then(() => response.end('slow'))
    else response.end('{}')
  })
  const session = one.http2()
  const kept = await connectRaw(one.port, authority)
  const get = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`
  kept.socket.write(get)
  await kept.until(bytes => bytes.includes('{}'), 'an answer')
  expect(kept.bytes().toString()).not.toMatch(/connection: close/i)
  const next = one.next()
  const slow = askHttp2(session, { ':path': `${path}?slow` })
  await next
  const left = new Promise<number>(resolve => session.once('goaway', resolve))
  const isAlone = one.gateway.handOver()
  expect(await left).toBe(0)
  await expect(connectRaw(one.port, authority)).rejects.toThrow('ECONNREFUSED')
  kept.socket.write(get)
  expect((await kept.isClosed).toString().match(/HTTP\/1\.1 200/g)).toHaveLength(2)
  goOn.resolve()
  expect((await slow).text).toBe('slow')
  await isAlone
  await one.close()
})
