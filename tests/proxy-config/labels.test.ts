/** Labels for Compose, as a real Traefik reads them from containers. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { createDemoApp } from '../../cli/demo/app.ts'
import { request } from '../../cli/demo/browser.ts'
import type { Child } from '../../cli/demo/child.ts'
import type { Echo } from '../../cli/demo/echo.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { startService, type TestService } from '../service.ts'
import { startDockerApi } from './docker-api.ts'
import { printInto, startPrinted } from './printed.ts'

const policy = `
p, anyone,        wiki.localhost,    /public/**, read, -, allow
p, authenticated, wiki.localhost,    /**,        *,    -, allow
p, anyone,        payroll.localhost, /public/**, read, -, allow
`

describe.skipIf(requirePeer('traefik') === undefined)('labels that are printed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-labels-'))
  const application = createDemoApp({ name: 'wiki' })
  let world: TestService
  let docker: Server
  let proxy: Child
  let port: number

  beforeAll(async () => {
    world = await startService({ policy, hosts: [{ host: 'payroll.localhost', passwords: true }] })
    port = await freePort()
    const applicationPort = await listen(application)
    const sites = ['wiki', 'payroll'].flatMap(name => ['--host', `${name}.localhost=app:${applicationPort}`])
    const config = ['--config', join(world.directory, 'sallyport.yaml'), '--listen', `127.0.0.1:${port}`]
    await printInto(directory, ['traefik-labels', ...config, ...sites], directory)
    const compose = parse(readFileSync(join(directory, 'sallyport-labels.yaml'), 'utf8'))
    const labels = compose.services.app.labels as Record<string, string>
    const socket = join(directory, 'docker.sock')
    // The second has a host and no `traefik.enable`, as a container that somebody starts beside.
    const beside = { 'traefik.http.routers.beside.rule': 'Host(`beside.localhost`)' }
    docker = await startDockerApi(socket, [
      { name: 'app', labels },
      { name: 'beside', labels: beside },
    ])
    proxy = startPrinted('traefik', directory, { TRAEFIK_PROVIDERS_DOCKER_ENDPOINT: `unix://${socket}` })
    const isThere = async () => {
      if (!proxy.isRunning()) throw new Error(proxy.lastLines())
      const answer = await ask('wiki', '/public/page').catch(() => undefined)
      return answer?.status === 200
    }
    await vi.waitUntil(isThere, { timeout: 120_000, interval: 25 })
  })
  afterAll(async () => {
    await proxy?.stop(1_000)
    docker?.closeAllConnections()
    docker?.close()
    await world?.close()
    await close(application)
    rmSync(directory, { recursive: true, force: true })
  })

  const ask = (name: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
    request(`http://${name}.localhost:${port}${path}`, { headers: { accept: 'application/json', ...headers } })

  it('have every request asked about', async () => {
    expect((await ask('wiki', '/notes')).status).toBe(401)
    const cookie = await world.logIn('alice', `http://wiki.localhost:${port}/notes`)
    const answer = await ask('wiki', '/notes', { cookie, 'remote-user': 'mallory' })
    const told = (JSON.parse(answer.body) as Echo).headers.filter(([name]) => name.toLowerCase() === 'remote-user')
    expect([answer.status, told.map(([, value]) => value)]).toEqual([200, ['alice']])
  })

  it('keep passwords from the application, and leave out containers that nobody named', async () => {
    const answer = await ask('payroll', '/public/page')
    expect(answer.status).toBe(200)
    const compose = readFileSync(join(directory, 'sallyport-labels.yaml'), 'utf8')
    expect(compose).toContain('middlewares: sallyport@file,sallyport-withhold-authorization@file')
    expect((await ask('beside', '/')).status).toBe(404)
  })
})
