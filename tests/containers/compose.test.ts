/**
 * compose.yaml as it stands, with the images of our Dockerfile: the demo's story told from outside behind each proxy, what no
 * container may do, and that sessions outlive the containers. The images of others are stand-ins (tests/containers/stand-ins).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../../cli/demo/browser.ts'
import { runStory } from '../../cli/demo/check.ts'
import { logIn } from '../../cli/demo/session.ts'
import { createComposed, type Profile } from './composed.ts'
import { hasImage, podman } from './podman.ts'

const isThere = await hasImage()
const profiles: readonly Profile[] = ['nginx', 'traefik', 'caddy']
const patience = { timeout: 300_000 }

describe.skipIf(!isThere).each(profiles)('compose.yaml with the profile %s', profile => {
  const stack = createComposed(profile)

  beforeAll(() => stack.up(), patience.timeout)
  afterAll(() => stack.end(), patience.timeout)

  it("passes the demo's own check from outside", patience, async () => {
    const results = await runStory(stack.origin, () => undefined)
    expect(results.length).toBeGreaterThan(25)
    expect(results.filter(({ passed }) => !passed)).toEqual([])
  })

  it('runs nothing as root, and nothing that can write to its own files or gain a right', patience, async () => {
    const names = await stack.containers()
    expect(names).toHaveLength(6)
    for (const name of names) {
      const seen = await podman(['exec', name, 'sh', '-c', insideOf])
      expect([name, seen.stdout.trim()]).toEqual([name, `root 0 written 0 rights ${rightsOf(name)} new 1`])
    }
  })

  it('is healthy by what its image asks', patience, async () => {
    const { code, stdout, stderr } = await podman(['healthcheck', 'run', stack.nameOf('sallyport')])
    expect([code, stdout, stderr]).toEqual([0, '', ''])
  })

  it('knows a session at a second replica', patience, async () => {
    const page = `${stack.origin('wiki')}/notes`
    const alice = createBrowser()
    await logIn(alice, page, 'alice')
    const inspected = await podman(['inspect', '--format={{json .Mounts}}', stack.nameOf('sallyport')])
    const mounts = JSON.parse(inspected.stdout) as readonly Mount[]
    const name = `${stack.nameOf('sallyport')}-second`
    try {
      const started = await podman([
        ...['run', '--detach', `--name=${name}`, `--network=${stack.network}`, '--read-only', '--cap-drop=all'],
        ...mounts.filter(({ Destination }) => Destination !== '/var/lib/sallyport').map(volumeOf),
        'localhost/sallyport:test',
      ])
      expect([started.code, started.code === 0 ? '' : started.stderr]).toEqual([0, ''])
      const asked = ['exec', '--env', `COOKIE=${alice.cookieFor(page)}`, name, 'node', '--eval', askInside]
      expect((await podman(asked)).stdout).toBe('200 alice')
      const without = ['exec', '--env', 'COOKIE=', name, 'node', '--eval', askInside]
      expect((await podman(without)).stdout).toBe('302 undefined')
    } finally {
      await podman(['rm', '--force', name])
    }
  })

  it('ends when it is told to, and keeps who is logged in', patience, async () => {
    const page = `${stack.origin('wiki')}/notes`
    const alice = createBrowser()
    await logIn(alice, page, 'alice')
    const name = stack.nameOf('sallyport')
    await podman(['kill', '--signal=TERM', name])
    await podman(['wait', '--condition=stopped', name])
    const [{ stdout: ended }, logs] = await Promise.all([
      podman(['inspect', '--format={{.State.ExitCode}}', name]),
      podman(['logs', name]),
    ])
    expect([ended.trim(), /"msg":"draining"/.test(logs.stdout + logs.stderr)]).toEqual(['0', true])
    await stack.down()
    await stack.up()
    expect((await alice.open(page)).status).toBe(200)
  })
})

interface Mount {
  readonly Type: string
  readonly Name?: string
  readonly Source: string
  readonly Destination: string
  readonly RW: boolean
}

const volumeOf = ({ Type, Name, Source, Destination }: Mount): string =>
  `--volume=${Type === 'volume' ? Name : Source}:${Destination}:ro`

/** What a process of the container is and can: user, a file of the image, capabilities, no new privileges. */
const insideOf = `
  root=0; [ "$(id -u)" = 0 ] && root=1
  written=0; (: >/usr/probe) 2>/dev/null && written=1
  echo root $root written $written rights $(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status) new $(sed -n 's/^NoNewPrivs:[[:space:]]*//p' /proc/self/status)
`

/** Caddy's own image asks for the right to listen below 1024 (compose.yaml says why). */
const rightsOf = (name: string): string => (name.includes('_caddy_') ? '0000000000000400' : '0000000000000000')

/** As the proxy beside it would ask; waits until it listens. */
const askInside = `
  const { request } = require('node:http')
  const headers = { 'x-forwarded-proto': 'http', 'x-forwarded-host': 'wiki.localhost:8080', 'x-forwarded-uri': '/notes',
    'x-forwarded-method': 'GET', accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document',
    ...(process.env.COOKIE ? { cookie: process.env.COOKIE } : {}) }
  const ask = () => request({ port: 9180, host: '127.0.0.1', path: '/verify/forward-auth', headers }, answer => {
    answer.resume()
    if (answer.statusCode === 503) return setTimeout(ask, 200)
    console.log(answer.statusCode + ' ' + (answer.headers['remote-user'] ?? '').split('#').pop().replace(/^$/, 'undefined'))
  }).on('error', () => setTimeout(ask, 200)).end()
  ask()
`.replaceAll('console.log', 'process.stdout.write')
