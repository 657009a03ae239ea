/** HTTP/2 to the client, over TLS: each stream is a request of its own, and CONNECT is a WebSocket or nothing. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Authority, createAuthority } from '../../certificates.ts'
import { freePort, requirePeer } from '../../peers.ts'
import { allowing, judgePublic, type Lab, refusing, startLab } from './lab.ts'

const isAbsent = requirePeer('haproxy') === undefined || requirePeer('openssl') === undefined

interface Answer {
  /** 0 when the stream was reset. */
  readonly status: number
  readonly text: string
}

describe.skipIf(isAbsent)('over HTTP/2, HAProxy', () => {
  let lab: Lab
  let authority: Authority
  let session: ClientHttp2Session
  let port: number

  beforeAll(async () => {
    authority = createAuthority('HAProxy')
    port = await freePort()
    const { certificate, key } = authority.issue('wiki.localhost', ['wiki.localhost'])
    const encrypted = (text: string, directory: string): string => {
      writeFileSync(join(directory, 'site.pem'), `${certificate}${key}`)
      const line = `    bind 127.0.0.1:${port} ssl crt "\${HAPROXY_FILES}/site.pem" alpn h2,http/1.1\n`
      return text.replace(/^ {4}# bind :443 .*\n/m, line)
    }
    lab = await startLab({ judge: judgePublic, edit: { 'haproxy.cfg': encrypted } })
  })
  afterAll(async () => {
    await lab?.stop()
    authority?.close()
  })
  beforeEach(async () => {
    session = connect(`https://127.0.0.1:${port}`, { ca: authority.certificate, servername: 'wiki.localhost' })
    await once(session, 'remoteSettings')
    session.on('error', () => undefined)
  })
  afterEach(() => {
    session.destroy()
    lab.judge = judgePublic
    for (const list of [lab.reached, lab.checks]) list.splice(0)
  })

  /** Until the stream ends, or for an open one until `enough` was received. */
  function ask(headers: OutgoingHttpHeaders, enough?: string): Promise<Answer> {
    return new Promise(resolve => {
      const stream = session.request(
        { ':authority': 'wiki.localhost', ':path': '/public', accept: 'application/json', ...headers },
        { endStream: enough === undefined },
      )
      let status = 0
      let text = ''
      stream.setEncoding('latin1').on('response', answer => {
        status = Number(answer[':status'])
      })
      stream.on('data', chunk => {
        text += chunk
        if (enough !== undefined && text.includes(enough)) stream.close()
      })
      stream.on('error', () => undefined).once('close', () => resolve({ status, text }))
    })
  }

  it('A32 judges each of many streams by itself', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, place) =>
        ask({ ':path': place % 3 === 0 ? '/secrets' : `/public?user-${place}` }),
      ),
    )
    for (const [place, { status, text }] of answers.entries()) {
      expect([place, status]).toEqual([place, place % 3 === 0 ? 403 : 200])
      if (status === 200) expect(text).toContain(`["remote-user","user-${place}"]`)
    }
    expect(lab.reached.filter(({ target }) => target === '/secrets')).toEqual([])
    expect(new Set(lab.checks.map(({ first }) => first('x-forwarded-proto')))).toEqual(new Set(['https']))
  })

  it.each([
    { ':path': '/public/%2e%2e/a;b?c=%00' },
    { ':path': '//public/../x' },
    { ':path': '*', ':method': 'OPTIONS' },
    { ':path': 'public' },
    { ':path': 'http://payroll.localhost/public' },
    { ':authority': 'payroll.localhost', host: 'wiki.localhost' },
    { ':authority': 'wiki.localhost,evil.example' },
    { 'x-forwarded-host': 'payroll.localhost', remote_user: 'admin', 'remote-user': 'admin' },
    { ':scheme': 'http', 'x-forwarded-proto': 'http' },
  ] as OutgoingHttpHeaders[])('A33 tells the check of %o what the application gets, or refuses it', async headers => {
    lab.judge = () => allowing()
    const { status } = await ask(headers)
    if (status !== 200) return expect(lab.reached).toEqual([])
    const [check] = lab.checks
    const [{ target, headers: lines } = { target: '', headers: [] }] = lab.reached
    expect(check?.uri).toBe(target)
    expect(lines.filter((_, place) => lines[place - 1] === 'host')).toEqual([check?.first('x-forwarded-host')])
    expect(check?.first('x-forwarded-proto')).toBe('https')
    expect(lines).not.toContain('admin')
  })

  const webSocket = {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'https',
    'sec-websocket-version': '13',
  }

  it('A34 asks about a WebSocket as about one, and opens what is allowed', async () => {
    expect(session.remoteSettings.enableConnectProtocol).toBe(true)
    lab.judge = () => allowing({ 'Remote-User': 'alice' })
    const { status, text } = await ask(webSocket, 'hello alice')
    expect([status, text]).toEqual([200, expect.stringContaining('hello alice')])
    expect(lab.checks.map(({ method, first }) => [method, first('upgrade')])).toEqual([['GET', 'websocket']])
    lab.judge = () => refusing(401)
    expect(await ask(webSocket)).toEqual({ status: 401, text: 'refused' })
    expect(lab.reached).toHaveLength(1)
  })

  it.each(['connect-udp', 'h2c', 'websocket, h2c', 'HTTP/2.0', ''])(
    'A34 switches to no other protocol: %j',
    async protocol => {
      lab.judge = () => allowing()
      const { status } = await ask({ ...webSocket, ':protocol': protocol })
      expect([0, 400]).toContain(status)
      expect([lab.reached, lab.checks]).toEqual([[], []])
    },
  )

  it('A34 opens no tunnel', async () => {
    lab.judge = () => allowing()
    for (const target of ['wiki.localhost:22', 'wiki.localhost']) {
      const { status } = await new Promise<Answer>(resolve => {
        const stream = session.request({ ':method': 'CONNECT', ':authority': target }, { endStream: true })
        stream.on('response', answer => resolve({ status: Number(answer[':status']), text: '' }))
        stream.on('error', () => undefined).once('close', () => resolve({ status: 0, text: '' }))
      })
      expect([0, 400, 405, 501]).toContain(status)
    }
    expect([lab.reached, lab.checks]).toEqual([[], []])
  })
})
