/** What is printed beside objects: the mesh's configuration against Istio's own messages, and the flags of Traefik. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse as parseProto, type ReflectionObject, Root, Type } from 'protobufjs'
import { afterAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { customResourceFolder, requireCustomResources } from './custom-resources.ts'
import { fullSettings, printingWorld } from './printed.ts'

const world = printingWorld(fullSettings)
afterAll(() => world.remove())

const hosts = ['--host', 'wiki.example.com', '--host', 'files.example.com=files.storage:8080']
const balancers = ['--balancer', '10.0.0.10', '--balancer', '10.0.1.0/24']

describe.skipIf(requireCustomResources() === undefined)('the configuration of the mesh', () => {
  const folder = customResourceFolder('istio.io/api')
  const root = new Root()
  for (const name of ['proxy.proto', 'config.proto'])
    parseProto(readFileSync(join(folder, name), 'utf8'), root, { keepCase: false })
  const message = root.lookupType('istio.mesh.v1alpha1.MeshConfig')

  it.each([
    ['grpc', hosts],
    ['grpc', [...hosts, ...balancers]],
    ['http', hosts],
    ['http', [...hosts, ...balancers]],
  ])('over %s %j: has only what the messages have, each as its type', async (check, args) => {
    const { files, errors, code } = await world.print('istio', '--check', check, ...args)
    expect([code, code === 0 ? '' : errors]).toEqual([0, ''])
    const { meshConfig, ...others } = parse(files['mesh-config.yaml'] ?? '')
    expect(others).toEqual({})
    expect(faultsOf(meshConfig, message, 'meshConfig')).toEqual([])
    const [provider] = meshConfig.extensionProviders
    const { failOpen, statusOnError, timeout } = provider.envoyExtAuthzGrpc ?? provider.envoyExtAuthzHttp
    expect({ failOpen, statusOnError, timeout }).toEqual({ failOpen: false, statusOnError: '503', timeout: '5s' })
  })

  it('would have a fault with a field that is misspelt, or of another type', () => {
    const faults = faultsOf(
      { extensionProviders: [{ name: 'a', envoyExtAuthzGrpc: { failOpne: false, failOpen: 'no', port: '1' } }] },
      message,
      'meshConfig',
    )
    expect(faults).toEqual([
      'meshConfig.extensionProviders[0].envoyExtAuthzGrpc.failOpne is unknown',
      'meshConfig.extensionProviders[0].envoyExtAuthzGrpc.failOpen is no bool',
      'meshConfig.extensionProviders[0].envoyExtAuthzGrpc.port is no uint32',
    ])
  })
})

/** As protobuf's JSON has it: names in camel case, enumerations by name, and nothing that the message does not have. */
function faultsOf(value: Readonly<Record<string, unknown>>, type: Type, path: string): readonly string[] {
  return Object.entries(value).flatMap(([key, own]) => {
    const field = type.fields[key]
    const place = `${path}.${key}`
    if (field === undefined) return [`${place} is unknown`]
    const items = field.repeated ? own : [own]
    if (!Array.isArray(items)) return [`${place} is no list`]
    return items.flatMap((item, index) => {
      const at = field.repeated ? `${place}[${index}]` : place
      const found = findType(type, field.type)
      if (found instanceof Type) return faultsOf(item, found, at)
      if (found !== null && 'values' in found)
        return Object.hasOwn((found as unknown as { values: object }).values, item) ? [] : [`${at} is no ${field.type}`]
      return isScalar(item, field.type) ? [] : [`${at} is no ${field.type}`]
    })
  })
}

const findType = (type: Type, name: string): ReflectionObject | null => type.lookup(name)

const isScalar = (value: unknown, type: string): boolean => {
  if (type === 'bool' || type === 'string') return typeof value === (type === 'bool' ? 'boolean' : 'string')
  if (type === 'google.protobuf.Duration') return typeof value === 'string' && /^\d+s$/.test(value)
  return type === 'uint32' && Number.isInteger(value)
}

describe('the values of Traefik', () => {
  it('are flags', async () => {
    const { files } = await world.print('traefik-crd', ...hosts, ...balancers)
    const { additionalArguments, ...others } = parse(files['traefik-values.yaml'] ?? '')
    expect(others).toEqual({})
    expect(additionalArguments).toContain(
      '--entrypoints.websecure.forwardedheaders.trustedips=10.0.0.10/32,10.0.1.0/24',
    )
    expect(additionalArguments).toContain('--entrypoints.web.http.encodedcharacters.allowencodedslash=true')
    expect(additionalArguments.filter((flag: string) => !/^--[a-z.]+=\S+$/.test(flag))).toEqual([])
  })
})
