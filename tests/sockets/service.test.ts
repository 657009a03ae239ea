/** The service on Unix sockets: one process and several, from its start to its end. */
import { existsSync, lstatSync, readdirSync, writeFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { runCommand } from '../lifecycle/process.ts'
import { checkOf, createSocketWorld, over, type SocketWorld } from './world.ts'

let world: SocketWorld
afterEach(() => world.close())

const modeOf = (path: string): number => lstatSync(path).mode & 0o777
const sockets = (): string[] => readdirSync(world.directory).filter(name => name.includes('.sock'))

describe('a service on Unix sockets', () => {
  it('answers there, with the permissions of its files alone, and takes them away when it ends', async () => {
    world = createSocketWorld()
    const service = world.start()
    await world.untilReady(service)
    expect([modeOf(world.check), modeOf(world.admin)]).toEqual([0o660, 0o600])
    expect((await checkOf(world.check, '/public/a')).status).toBe(200)
    expect((await checkOf(world.check, '/notes')).status).toBe(401)
    expect((await over(world.admin, '/healthz')).status).toBe(200)
    expect(service.stderr()).toContain(`"sockets":["${world.check}","${world.admin}"]`)
    service.child.kill('SIGTERM')
    expect(await service.ended).toBe(0)
    expect(sockets()).toEqual([])
  })

  it('A61 reads the client from the right end of X-Forwarded-For, and knows of none where none is named', async () => {
    world = createSocketWorld({ server: { trustedProxies: ['10.0.0.0/8'] } })
    await world.untilReady(world.start())
    const statusFrom = async (said: string) => (await checkOf(world.check, '/office/plan', said)).status
    expect(await statusFrom('192.0.2.7')).toBe(200)
    expect(await statusFrom('192.0.2.7, 10.0.0.2')).toBe(200)
    expect(await statusFrom('192.0.2.7, 203.0.113.9')).toBe(401)
    // What NGINX writes of a client on a socket of its own: what stands before it is the client's word.
    expect(await statusFrom('192.0.2.7, unix:')).toBe(401)
    expect(await statusFrom('192.0.2.7, ')).toBe(401)
    expect(await statusFrom('')).toBe(401)
    const page = await over(world.check, '/login', { host: 'auth.localhost', 'x-forwarded-proto': 'https' })
    expect(page.status).toBe(503)
  })

  it('A61 counts requests to its pages by that client, and does not take one from whoever says so', async () => {
    world = createSocketWorld({ login: { rateLimit: 2 } })
    await world.untilReady(world.start())
    const statusFrom = async (said: string) =>
      (await over(world.check, '/signed-out', { host: 'auth.localhost', 'x-forwarded-for': said })).status
    expect([await statusFrom('203.0.113.1'), await statusFrom('203.0.113.1')]).toEqual([200, 200])
    expect(await statusFrom('203.0.113.1')).toBe(429)
    expect(await statusFrom('198.51.100.7, 203.0.113.1')).toBe(429)
    expect(await statusFrom('203.0.113.2')).toBe(200)
    // NGINX writes this of a client on a socket of its own. It is no proxy, so nobody is believed who stands before it.
    const said = [1, 2, 3].map(number => `198.51.100.${number}, unix:`)
    expect([await statusFrom(said[0] ?? ''), await statusFrom(said[1] ?? ''), await statusFrom(said[2] ?? '')]).toEqual(
      [200, 200, 429],
    )
  })

  it('is refused beside one that lives, starts again after one that was killed, and goes on being asked by its commands', async () => {
    world = createSocketWorld()
    const first = world.start()
    await world.untilReady(first)
    const second = world.start()
    expect(await second.ended).toBe(1)
    expect(second.stderr()).toContain(`cannot listen on unix:${world.check}: something else listens there`)
    expect((await checkOf(world.check, '/public/a')).status).toBe(200)
    first.child.kill('SIGKILL')
    await first.ended
    expect(existsSync(world.check)).toBe(true)
    await world.untilReady(world.start())
    expect((await checkOf(world.check, '/public/a')).status).toBe(200)
    const reloaded = await runCommand(['policy', 'reload', '--admin', `unix:${world.admin}`, '--json'])
    expect([reloaded.status, JSON.parse(reloaded.stdout)]).toMatchObject([0, { outcome: 'unchanged' }])
    const asked = await runCommand(['policy', 'explain', '--request', 'nobody', '--admin', `unix:${world.admin}`])
    expect([asked.status, asked.stderr]).toEqual([1, expect.stringContaining('no decision with this request id')])
    const nobody = await runCommand(['policy', 'reload', '--admin', `unix:${world.directory}/absent.sock`])
    expect([nobody.status, nobody.stderr]).toEqual([1, expect.stringContaining('no answer from unix:')])
  })

  it('is asked by each of its commands where admin.listen of its configuration says', async () => {
    world = createSocketWorld({ server: { workers: 2 } })
    await world.untilReady(world.start())
    const file = `${world.directory}/sallyport.yaml`
    const commands = [
      ['sessions', 'list', '--all'],
      ['sessions', 'end', '--all', '--yes'],
      ['workers', 'status'],
      ['policy', 'reload'],
    ]
    for (const command of commands) {
      const { status, stderr } = await runCommand([...command, '--config', file])
      expect([command, status, stderr]).toEqual([command, 0, ''])
    }
    const named = await runCommand(['sessions', 'list', '--all'], { ...process.env, SALLYPORT_CONFIG: file })
    expect([named.status, named.stdout]).toEqual([0, 'no session\n'])
    // What is asked is there, and does not know the answer.
    for (const command of [
      ['sessions', 'show', 'A'.repeat(16)],
      ['policy', 'explain', '--request', 'nobody'],
    ]) {
      const { status, stderr } = await runCommand([...command, '--config', file])
      expect([status, stderr]).toEqual([1, expect.not.stringContaining('no answer')])
    }
  })

  it('has workers that share it, are replaced without a refused check, and come back when all are killed', async () => {
    world = createSocketWorld({ server: { workers: 2 } })
    const service = world.start()
    await world.untilReady(service)
    expect([modeOf(world.check), modeOf(world.admin), sockets().length]).toEqual([0o660, 0o600, 2])
    const statuses = new Set<number>()
    let isOver = false
    const asking = (async () => {
      while (!isOver) statuses.add((await checkOf(world.check, '/public/a')).status)
    })()
    const restarted = await runCommand(['workers', 'restart', '--admin', `unix:${world.admin}`])
    isOver = true
    await asking
    expect([restarted.status, [...statuses]]).toEqual([0, [200]])
    const { workers } = JSON.parse((await over(world.admin, '/workers')).body) as { workers: { pid: number }[] }
    for (const { pid } of workers) process.kill(pid, 'SIGKILL')
    const status = () =>
      checkOf(world.check, '/public/a').then(
        answer => answer.status,
        () => 0,
      )
    await expect.poll(status).toBe(200)
    expect(modeOf(world.check)).toBe(0o660)
    service.child.kill('SIGTERM')
    expect(await service.ended).toBe(0)
    expect(sockets()).toEqual([])
  })

  it('is looked at by the doctor before the first start, while it runs, and where something is in the way', async () => {
    world = createSocketWorld()
    const look = async (): Promise<unknown[]> => {
      const said = await runCommand(['doctor', '--config', `${world.directory}/sallyport.yaml`, '--json'])
      const { findings } = JSON.parse(said.stdout).configuration as { findings: { probe: string; why: string }[] }
      return findings.filter(({ probe }) => probe === 'socket-file')
    }
    expect(await look()).toMatchObject([
      { title: 'server.listen can be opened', status: 'pass', why: 'nothing is there yet' },
      { title: 'admin.listen can be opened', status: 'pass', why: 'nothing is there yet' },
    ])
    const service = world.start()
    await world.untilReady(service)
    expect(await look()).toMatchObject([
      { status: 'pass', why: `a process listens on ${world.check}` },
      { status: 'pass', why: `a process listens on ${world.admin}` },
    ])
    service.child.kill('SIGTERM')
    await service.ended
    writeFileSync(world.check, 'somebody else put this here')
    expect(await look()).toMatchObject([
      { status: 'fail', why: expect.stringContaining('something is there that is no socket') },
      { status: 'pass' },
    ])
  })

  it('A60 is open to everybody on the machine only where its own flag says so', async () => {
    world = createSocketWorld({ server: { socketMode: '0666' } })
    const refused = world.start()
    expect(await refused.ended).toBe(2)
    expect(refused.stderr()).toContain('server.socketMode')
    expect(refused.stderr()).toContain('--allow-insecure-socket-mode')
    await world.untilReady(world.start(['--allow-insecure-socket-mode']))
    expect(modeOf(world.check)).toBe(0o666)
  })

  it('A60 has no permissions of a file where it listens on a port', async () => {
    world = createSocketWorld({ server: { listen: '127.0.0.1:0', socketMode: '0640' } })
    const refused = world.start()
    expect(await refused.ended).toBe(2)
    expect(refused.stderr()).toContain('server.socketMode')
    expect(refused.stderr()).toContain('a port has no such thing')
  })
})
