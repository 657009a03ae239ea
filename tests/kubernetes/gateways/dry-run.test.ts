/**
 * What `proxy-config` prints for gateways, given to a real API server that knows the projects' own kinds, in a dry run that
 * refuses every field that those do not have (kgateway's stand in `kgateway-kinds.ts`). It proves the shape: what the gateways make of it is another matter
 * (docs/proxies/kubernetes.md says what was run).
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningCluster, startCluster } from '../cluster.ts'
import type { KubectlResult } from '../kubectl.ts'
import { requireClusterPrograms } from '../programs.ts'
import { requireCustomResources } from './custom-resources.ts'
import { kgatewayKinds } from './kgateway-kinds.ts'
import { addKinds, must } from './kinds.ts'
import { fullSettings, objectsIn, type PrintedObject, printingWorld, toldSettings } from './printed.ts'

const programs = requireClusterPrograms()
const kinds = requireCustomResources()

const hosts = [
  ['--host', 'wiki.example.com'],
  ['--host', 'files.example.com=files.storage:8080'],
  ['--host', 'api.example.com=api.payments:8080'],
  ['--host', 'board.example.com=board.payments:8080'],
].flat()

const everything = [
  '--namespace',
  'edge',
  '--gateway',
  'public',
  '--gateway-pods',
  'pods-of/a.example/b=c,d=e',
  ...hosts,
]
const balanced = [...everything, '--balancer', '10.0.0.10', '--balancer', '10.0.1.0/24']

/** Each with what makes its text another one. */
const cases = [
  ['envoy-gateway', 'over gRPC', ['--check', 'grpc', ...hosts]],
  ['envoy-gateway', 'over HTTP, with everything', ['--check', 'http', ...balanced]],
  ['istio', 'over gRPC, with everything', ['--check', 'grpc', ...balanced]],
  ['istio', 'over HTTP', ['--check', 'http', ...hosts]],
  ['gateway-api', 'over gRPC', ['--check', 'grpc', ...hosts]],
  ['gateway-api', 'over HTTP, with everything', ['--check', 'http', ...balanced]],
  ['contour', 'as it comes', hosts],
  ['contour', 'with everything', balanced],
  ['kgateway', 'as it comes', hosts],
  ['kgateway', 'with everything', balanced],
  ['traefik-crd', 'as it comes', hosts],
  ['traefik-crd', 'with everything', balanced],
  ['ingress-nginx', 'as it comes', hosts],
  ['ingress-nginx', 'with everything', balanced],
] as const

/** Values of charts, which are no objects. */
const isObjects = (name: string): boolean => name !== 'mesh-config.yaml' && name !== 'traefik-values.yaml'

const called = ({ kind, metadata }: PrintedObject): string => `${kind.toLowerCase()}/${metadata.name}`

describe.skipIf(programs === undefined || kinds === undefined)('an API server', () => {
  const world = printingWorld(fullSettings + toldSettings)
  let cluster: RunningCluster | undefined
  const running = (): RunningCluster => cluster ?? expect.unreachable('no cluster')

  beforeAll(async () => {
    if (programs === undefined || kinds === undefined) return
    cluster = await startCluster(programs)
    await addKinds(cluster, [...kinds, ...kgatewayKinds], world.directory)
    const namespaces = ['edge', 'storage', 'payments', 'sallyport', 'pods-of', 'projectcontour', 'ingress-nginx']
    const objects = namespaces.map(name => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }))
    const file = join(world.directory, 'namespaces.json')
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
    await must(running(), ['apply', '--server-side', '-f', file])
  })
  afterAll(async () => {
    await cluster?.stop()
    world.remove()
  })

  const dryRun = (stdin: string): Promise<KubectlResult> =>
    running().kubectl({
      version: '1.37',
      args: ['apply', '--server-side', '--dry-run=server', '--validate=strict', '--output=name', '-f', '-'],
      stdin,
    })

  it.each(cases)('%s, %s: takes every object, and knows every field', async (format, _how, args) => {
    const { code, errors, files } = await world.print(format, ...args)
    expect([code, code === 0 ? '' : errors]).toEqual([0, ''])
    for (const [name, text] of Object.entries(files).filter(([path]) => isObjects(path))) {
      const objects = objectsIn(text)
      const result = await dryRun(text)
      expect([name, result.stderr, result.code]).toEqual([name, '', 0])
      const taken = result.stdout
        .trim()
        .split('\n')
        .map(line => line.replace(/^([a-z]+)(?:\.[a-z0-9.]+)?\//, '$1/'))
      expect(taken).toEqual(objects.map(called))
    }
  })

  it('refuses each object when a field of it is misspelt', async () => {
    const seen = new Map<string, PrintedObject>()
    for (const [format, , args] of cases) {
      const { files } = await world.print(format, ...args)
      for (const [, text] of Object.entries(files).filter(([path]) => isObjects(path)))
        for (const object of objectsIn(text)) seen.set(`${object.apiVersion} ${object.kind}`, object)
    }
    // What is no spec of anybody's own is a map of names.
    const specified = [...seen].filter(([, { kind }]) => kind !== 'ConfigMap')
    expect(specified.length).toBeGreaterThan(15)
    for (const [kind, object] of specified) {
      const { code, stderr } = await dryRun(JSON.stringify({ ...object, spec: { ...object.spec, failOpne: false } }))
      expect([kind, code, stderr]).toEqual([
        kind,
        1,
        expect.stringContaining('.spec.failOpne: field not declared in schema'),
      ])
    }
  })

  it('refuses a value that stands where another kind of value belongs', async () => {
    const { files } = await world.print('envoy-gateway', '--check', 'grpc', ...hosts)
    const text = files['sallyport.yaml'] ?? ''
    const { code, stderr } = await dryRun(text.replace('failOpen: false', 'failOpen: "no"'))
    expect(code).toBe(1)
    expect(stderr).toContain('spec.extAuth.failOpen')
  })
})
