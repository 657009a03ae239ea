/** Entries of a kubeconfig, and that nothing of anybody else is lost when they go into a file. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseKept } from '../../cli/kube/cache.ts'
import { parseExecInfo } from '../../cli/kube/exec-info.ts'
import { kubeconfigEntries, mergeKubeconfig, newKubeconfig } from '../../cli/kube/kubeconfig.ts'
import { builtCommandLine } from '../built-command-line.ts'
import { type GrantWorld, logInBrowser, startGrantWorld } from '../grants/world.ts'
import { fc } from '../properties.ts'
import { createMachine, logIn, type Machine } from './machine.ts'

const entries = kubeconfigEntries({
  server: 'https://auth.example.com',
  clusters: [
    { name: 'prod', server: 'https://k8s.example.com/clusters/prod' },
    { name: 'lab', server: 'https://k8s.example.com/clusters/lab' },
  ],
  certificateAuthority: '-----BEGIN CERTIFICATE-----\n',
  command: 'sallyport',
})

const foreign = `# Written by hand.
apiVersion: v1
kind: Config
current-context: kind-kind # the local one
clusters:
- name: kind-kind
  cluster: {server: "https://127.0.0.1:6443"}
contexts:
- name: kind-kind
  context: {cluster: kind-kind, user: kind-kind}
users:
- name: kind-kind
  user:
    token: abc # a secret
preferences: {colors: true}
`

describe('the entries', () => {
  it('say how kubectl gets a token, and pass on which cluster it is for', () => {
    expect(parse(newKubeconfig(entries))).toMatchObject({
      'current-context': 'sallyport-prod',
      users: [
        {
          name: 'sallyport-auth.example.com',
          user: {
            exec: {
              apiVersion: 'client.authentication.k8s.io/v1',
              args: ['kube', 'credential', '--server', 'https://auth.example.com'],
              interactiveMode: 'IfAvailable',
              provideClusterInfo: true,
            },
          },
        },
      ],
      clusters: [
        {
          name: 'sallyport-prod',
          cluster: {
            server: 'https://k8s.example.com/clusters/prod',
            'certificate-authority-data': 'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==',
            extensions: [
              {
                name: 'client.authentication.k8s.io/exec',
                extension: { cluster: 'prod', server: 'https://auth.example.com' },
              },
            ],
          },
        },
        { name: 'sallyport-lab' },
      ],
    })
  })

  it('go beside those of others, whose lines and comments stay as they are', () => {
    const merged = mergeKubeconfig(foreign, entries)
    for (const line of ['# Written by hand.', '# the local one', 'token: abc # a secret'])
      expect(merged).toContain(line)
    const [before, after] = [parse(foreign), parse(merged)]
    expect(after['current-context']).toBe('kind-kind')
    expect(after.preferences).toEqual(before.preferences)
    for (const list of ['clusters', 'contexts', 'users']) {
      expect(after[list].slice(0, 1)).toEqual(before[list])
    }
    expect(after.contexts.map(({ name }: { name: string }) => name)).toEqual([
      'kind-kind',
      'sallyport-prod',
      'sallyport-lab',
    ])
  })

  it('take the place of our own, so that a second merge changes nothing', () => {
    const once = mergeKubeconfig(foreign, entries)
    expect(mergeKubeconfig(once, entries)).toBe(once)
    const moved = kubeconfigEntries({
      server: 'https://auth.example.com',
      clusters: [{ name: 'prod', server: 'https://elsewhere.example.com/clusters/prod' }],
      command: 'sallyport',
    })
    const found = parse(mergeKubeconfig(once, moved))
    expect(found.clusters).toHaveLength(3)
    expect(found.clusters[1].cluster.server).toBe('https://elsewhere.example.com/clusters/prod')
  })

  it.each([
    ['an entry of somebody else with our name', foreign.replaceAll('kind-kind', 'sallyport-prod'), 'did not write'],
    ['no YAML', 'clusters: [', 'not YAML'],
    ['another kind', 'kind: Pod\n', 'its kind is Pod'],
    ['a list', '- a\n', 'no kubeconfig'],
    ['clusters that are no list', 'kind: Config\nclusters: {}\n', 'no list'],
  ])('are not put into %s', (_, text, reason) => {
    expect(() => mergeKubeconfig(text, entries)).toThrow(reason)
  })

  it('leave whatever else stands in a file', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/)
    const list = fc.array(fc.record({ name, extra: fc.jsonValue() }), { maxLength: 4 })
    fc.assert(
      fc.property(fc.record({ clusters: list, users: list, contexts: list, other: fc.jsonValue() }), config => {
        const text = JSON.stringify({ kind: 'Config', ...config })
        const after = parse(mergeKubeconfig(text, entries))
        expect(after.other).toEqual(parse(text).other)
        for (const key of ['clusters', 'users', 'contexts'] as const) {
          expect(after[key].slice(0, config[key].length)).toEqual(parse(text)[key])
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('what comes from outside never surprises', () => {
  it('as what kubectl says', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), text => {
        try {
          const info = parseExecInfo(text)
          return text === '' || /^client\.authentication/.test(info.apiVersion)
        } catch (error) {
          return error instanceof Error && error.message.startsWith('KUBERNETES_EXEC_INFO')
        }
      }),
    )
  })

  it('as what stands in the cache', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), text => typeof parseKept(text).tokens === 'object'))
  })
})

describe('the command', () => {
  let world: GrantWorld
  let machine: Machine
  beforeAll(async () => {
    world = await startGrantWorld()
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    machine = createMachine()
    await logIn(machine, world.service, await logInBrowser(world.service, 'alice'))
  })
  afterEach(() => machine.close())

  it('prints a kubeconfig with the authority of the gateway', async () => {
    const found = parse((await machine.run(['kubeconfig'])).stdout)
    expect(found.clusters).toHaveLength(2)
    const data = found.clusters[0].cluster['certificate-authority-data']
    expect(Buffer.from(data, 'base64').toString()).toBe(world.certificateAuthority)
    const one = parse((await machine.run(['kubeconfig', '--cluster', 'lab'])).stdout)
    expect(one.contexts.map(({ name }: { name: string }) => name)).toEqual(['sallyport-lab'])
    const none = await machine.run(['kubeconfig', '--cluster', 'staging'])
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no cluster staging') })
  })

  it('makes the file where there is none, for this account alone', async () => {
    const { code, stdout } = await machine.run(['kubeconfig', '--merge'])
    const path = join(machine.home, '.kube/config')
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${path} has the contexts sallyport-prod`)])
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('leaves a backup beside a file that it changes, keeps a link one, and changes nothing that it cannot read', async () => {
    const real = join(machine.home, 'real-config')
    const link = join(machine.home, 'config')
    writeFileSync(real, foreign, { mode: 0o640 })
    symlinkSync(real, link)
    const env = { KUBECONFIG: `${link}:${join(machine.home, 'other')}` }
    expect((await machine.run(['kubeconfig', '--merge'], env)).code).toBe(0)
    expect(readFileSync(`${real}.sallyport-backup`, 'utf8')).toBe(foreign)
    expect(readFileSync(link, 'utf8')).toContain('sallyport-prod')
    expect(statSync(real).mode & 0o777).toBe(0o640)
    mkdirSync(join(machine.home, 'broken'))
    const broken = join(machine.home, 'broken/config')
    writeFileSync(broken, 'clusters: [')
    const { code, stderr } = await machine.run(['kubeconfig', '--merge', '--kubeconfig', broken])
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${broken} was left as it is`)])
    expect(readFileSync(broken, 'utf8')).toBe('clusters: [')
  })
})

it('is a plugin of kubectl under its other name', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-plugin-'))
  const link = join(directory, 'kubectl-sallyport')
  symlinkSync(builtCommandLine(), link)
  expect(execFileSync(process.execPath, [link, '--help'], { encoding: 'utf8', timeout: 60_000 })).toContain(
    'Usage: sallyport kube',
  )
  rmSync(directory, { recursive: true })
})
