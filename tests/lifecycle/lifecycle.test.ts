/** Start, reload and end of the real process: what it refuses, what it survives, and how it goes. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { stretched, withLateness } from '../pace.ts'
import { close, listen, startProvider } from '../provider.ts'
import { type RunningService, runCommand, type ServeOptions, spawnService, untilListening } from './process.ts'

const open = 'p, anyone, wiki.example.com, /public/**, read, -, allow\n'
const running: RunningService[] = []

async function start(options: ServeOptions): Promise<RunningService> {
  const service = await spawnService(options)
  running.push(service)
  return service
}

afterEach(async () => {
  for (const service of running.splice(0)) await service.stop()
})

const check = (service: RunningService, path: string, signal?: AbortSignal): Promise<Response> =>
  fetch(`http://127.0.0.1:${service.port}/verify/auth-request`, {
    headers: { 'x-original-method': 'GET', 'x-original-url': `https://wiki.example.com${path}` },
    ...(signal === undefined ? {} : { signal }),
  })

describe('starting', () => {
  it('refuses a broken policy, with file and line', async () => {
    const service = await start({ policy: `${open}p, everybody, wiki.example.com, /, read, -, allow\n` })
    expect(await service.ended).toBe(2)
    expect(service.stderr()).toContain('policy.csv:2')
    expect(service.stderr()).toContain('everybody')
  })

  it('refuses a port that is taken, and says which', async () => {
    const service = await start({ policy: open })
    await untilListening(service)
    const second = await runCommand(['serve', '--config', join(service.directory, 'sallyport.yaml')])
    expect(second.status).toBe(1)
    expect(second.stderr).toContain(`cannot listen on 127.0.0.1:${service.port}`)
  })

  it('says once in a while that a proxy does not pass the host on', async () => {
    const service = await start({ policy: open })
    await untilListening(service)
    for (const path of ['/', '/login', '/session'])
      expect((await fetch(`http://127.0.0.1:${service.port}${path}`)).status).toBe(421)
    service.child.kill('SIGTERM')
    await service.ended
    const told = service.stderr().match(/^.*ERR_HOST_MISDIRECTED.*$/gm) ?? []
    expect(told.map(line => JSON.parse(line))).toMatchObject([
      { level: 'warn', detail: expect.stringContaining('the proxy must pass the Host header on'), times: 1 },
    ])
  })

  it('goes on while a provider is down: readiness says which, the login page is clear, and it heals', async () => {
    const provider = await startProvider({ clients: [] })
    await provider.close()
    const service = await start({ policy: open, issuer: provider.issuer })
    await untilListening(service)
    expect((await check(service, '/public/a')).status).toBe(200)
    await expect
      .poll(async () => (await service.readiness()).body)
      .toMatch(/"name":"provider-corp","ok":false,"detail"/)
    expect(JSON.parse((await service.readiness()).body)).toMatchObject({ status: 'degraded' })
    const page = await fetch(`http://localhost:${service.port}/login`, { redirect: 'manual' })
    expect(page.status).toBe(503)
    expect(await page.text()).toContain('The identity provider cannot be reached')
    const again = await startProvider({ clients: [], port: provider.port })
    try {
      const tryLogin = async () =>
        (await fetch(`http://localhost:${service.port}/login`, { redirect: 'manual' })).status
      await expect.poll(tryLogin, { interval: 300 }).toBe(302)
      expect(JSON.parse((await service.readiness()).body)).toMatchObject({ status: 'ready' })
    } finally {
      await again.close()
    }
  })
})

describe('a client that dawdles', () => {
  it('is cut off after the time that a request may take', async () => {
    const service = await start({ policy: open, settings: { server: { requestTimeout: '1s' } } })
    await untilListening(service)
    const socket = connect(service.port, '127.0.0.1')
    socket.write('GET /verify/auth-request HTTP/1.1\r\nHost: x\r\nX-Never')
    const answer = await new Promise<string>(resolve => {
      let text = ''
      socket.on('data', chunk => {
        text += chunk
      })
      socket.on('close', () => resolve(text))
    })
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
  })
})

describe('reloading', () => {
  it('takes a changed file by itself, and keeps the last good one when the next is broken', async () => {
    const service = await start({ policy: open })
    await untilListening(service)
    const file = join(service.directory, 'policy.csv')
    const statusOf = (path: string) => async () => (await check(service, path)).status
    expect(await statusOf('/news')()).toBe(401)
    const over = 'p, anyone, wiki.example.com, /olds, read, until:2001-12-31, allow\n'
    writeFileSync(file, `${open}${over}p, anyone, wiki.example.com, /news, read, -, allow\n`)
    await expect.poll(statusOf('/news')).toBe(200)
    expect(await statusOf('/olds')()).toBe(401)
    writeFileSync(file, 'p, anyone, wiki.example.com, /news, read, -, permit\n')
    await expect.poll(async () => (await service.readiness()).body).toContain('policy.csv:1')
    expect((await service.readiness()).status).toBe(200)
    expect(await statusOf('/news')()).toBe(200)
    const metrics = await (await fetch(`http://127.0.0.1:${service.adminPort}/metrics`)).text()
    expect(metrics).toContain('sallyport_policy_last_reload_successful 0')
    expect(metrics).toContain('sallyport_policy_ending_rows{effect="allow",state="over"} 1')
    expect(service.stderr()).toContain('some rows are over and apply no more')
    expect(service.stderr()).toContain('policy rejected')
    await expect.poll(service.stdout).toContain('"event":"policy.rejected"')
    writeFileSync(file, open)
    await expect.poll(statusOf('/news')).toBe(401)
    expect(JSON.parse((await service.readiness()).body).checks).toContainEqual({ name: 'policy-reload', ok: true })
  })
})

describe('reloading by hand, when changes are not watched', () => {
  const news = 'p, anyone, wiki.example.com, /news, read, -, allow\n'

  it('SIGHUP takes the changed file', async () => {
    const service = await start({ policy: open, settings: { policy: { watch: false } } })
    await untilListening(service)
    writeFileSync(join(service.directory, 'policy.csv'), open + news)
    await setTimeout(300)
    expect((await check(service, '/news')).status).toBe(401)
    service.child.kill('SIGHUP')
    await expect.poll(async () => (await check(service, '/news')).status).toBe(200)
  })

  it('the command takes it and says so, or says why not', async () => {
    const shadow = 'p, anyone, wiki.example.com, /news, read, -, shadow-deny\n'
    const service = await start({ policy: open, settings: { policy: { watch: false } } })
    await untilListening(service)
    const reload = async () => {
      const admin = `http://127.0.0.1:${service.adminPort}`
      const { status, stdout, stderr } = await runCommand(['policy', 'reload', '--admin', admin])
      return { status, text: stdout + stderr }
    }
    writeFileSync(join(service.directory, 'policy.csv'), open + news + shadow)
    expect(await reload()).toMatchObject({ status: 0, text: expect.stringMatching(/^loaded: revision .*, 3 rows/) })
    expect(await reload()).toMatchObject({ status: 0, text: expect.stringMatching(/^unchanged/) })
    expect((await check(service, '/news')).status).toBe(200)
    await expect.poll(() => service.stdout()).toContain('"shadow":["policy.csv:3"]')
    const metrics = await (await fetch(`http://127.0.0.1:${service.adminPort}/metrics`)).text()
    expect(metrics).toContain('sallyport_shadow_rows_total{effect="shadow-deny"} 1')
    writeFileSync(join(service.directory, 'policy.csv'), 'p, anyone\n')
    expect(await reload()).toMatchObject({ status: 1, text: expect.stringContaining('policy.csv:1:1') })
    expect((await check(service, '/news')).status).toBe(200)
    const state = await fetch(`http://127.0.0.1:${service.adminPort}/policy`)
    expect(await state.json()).toMatchObject({ rows: 3, lastError: expect.stringContaining('policy.csv:1:1') })
  })
})

describe('an adapter of the operator', () => {
  it('that has no database refuses the start with the reason', async () => {
    const module = join(import.meta.dirname, 'no-database-adapter.mjs')
    const service = await start({ policy: open, settings: { policy: { adapter: { module, options: 'db.internal' } } } })
    expect(await service.ended).toBe(2)
    expect(service.stderr()).toContain('adapter:1:1  cannot load rows: connect ECONNREFUSED db.internal')
  })
})

describe('ending', () => {
  it('on SIGTERM takes nothing new, finishes what runs, flushes the audit log and exits with 0', async () => {
    // A provider that keeps its answer back keeps a login page busy while the signal arrives.
    let held: ServerResponse | undefined
    let isHolding = false
    const slow = createServer((_request, response) => {
      if (isHolding) held = response
      else response.writeHead(404).end()
    })
    const port = await listen(slow)
    const service = await start({ policy: open, issuer: `http://127.0.0.1:${port}` })
    await untilListening(service)
    await check(service, '/public/last-words')
    isHolding = true
    const isAsked = once(slow, 'request')
    const openLogin = () => fetch(`http://localhost:${service.port}/login`, { redirect: 'manual' })
    let page = openLogin()
    // For a while after it has failed the provider is not asked again; who asks without a pause is refused, and the provider
    // may be asked without a page as well.
    while ((await Promise.race([page, isAsked])) && held === undefined) {
      await setTimeout(100)
      page = openLogin()
    }
    // Whatever came before it has arrived.
    await check(service, '/public/last-words')
    service.child.kill('SIGTERM')
    const isRefused = () =>
      check(service, '/public/a', AbortSignal.timeout(2_000)).then(
        () => false,
        () => true,
      )
    await expect.poll(isRefused).toBe(true)
    held?.writeHead(404).end()
    expect((await page).status).toBe(503)
    expect(await service.ended).toBe(0)
    expect(service.stdout()).toContain('/public/last-words')
    await close(slow)
  })

  it('on SIGTERM ends within ten seconds even if a client never does', async () => {
    const service = await start({ policy: open })
    await untilListening(service)
    const socket = connect(service.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET /verify/auth-request HTTP/1.1\r\nHost: x\r\nX-Never')
    await setTimeout(100)
    const started = performance.now()
    service.child.kill('SIGTERM')
    const { result: code, late } = await withLateness(() => service.ended)
    expect(code).toBe(0)
    expect(performance.now() - started).toBeLessThan(stretched(10_000, late.mostMs))
    socket.destroy()
  })
})
