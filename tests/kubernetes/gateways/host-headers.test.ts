/** Headers that one host alone is told, in what is printed for gateways in a cluster: dropped and given on every host, or refused. */
import { afterAll, describe, expect, it } from 'vitest'
import { fullSettings, objectsIn, printingWorld, toldSettings } from './printed.ts'

const world = printingWorld(fullSettings + toldSettings)
const many = printingWorld(
  `${fullSettings}  - { host: told.example.com, claimHeaders: [${Array.from({ length: 12 }, (_, at) => `X-A${at}=a`).join(', ')}] }\n`,
)
afterAll(() => {
  world.remove()
  many.remove()
})
const hosts = ['--host', 'wiki.example.com=wiki:80', '--host', 'told.example.com=told:80']
const names = ['x-webauth-user', 'x-webauth-groups', 'x-team']

/** The lists of names that stand below a key, wherever it is. */
function listsBelow(value: unknown, key: string): unknown[] {
  if (Array.isArray(value)) return value.flatMap(item => listsBelow(item, key))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [...(name === key ? [inner] : []), ...listsBelow(inner, key)])
}

async function lists(format: string, key: string, ...more: string[]): Promise<unknown[]> {
  const { code, errors, files } = await world.print(format, ...hosts, ...more)
  expect([code, code === 0 ? '' : errors]).toEqual([0, ''])
  return Object.values(files).flatMap(text => listsBelow(objectsIn(text), key))
}

describe('headers that one host is told', () => {
  it.each([
    ['envoy-gateway', 'headersToBackend'],
    ['envoy-gateway', 'headersToExtAuth'],
    ['istio', 'headersToUpstreamOnAllow'],
    ['istio', 'includeRequestHeadersInCheck'],
    ['gateway-api', 'allowedHeaders'],
    ['gateway-api', 'allowedResponseHeaders'],
  ])('%s: stand in each %s', async (format, key) => {
    const found = await lists(format, key, '--check', 'http')
    expect(found.length).toBeGreaterThan(0)
    for (const list of found) expect(list).toEqual(expect.arrayContaining(names))
  })

  it.each([
    ['envoy-gateway', 'remove'],
    ['kgateway', 'remove'],
  ])('H51 %s: are dropped before anything is asked', async (format, key) => {
    expect(await lists(format, key)).toContainEqual(expect.arrayContaining(names))
  })

  it('H51 istio: are dropped before anything is asked', async () => {
    const removed = await lists('istio', 'remove')
    expect(removed).toEqual(expect.arrayContaining(['x-team']))
    expect(JSON.stringify(await lists('istio', 'key_matcher'))).toContain('"prefix":"x-webauth-"')
  })

  it('H51 traefik-crd: are dropped and given in each namespace', async () => {
    for (const given of await lists('traefik-crd', 'authResponseHeaders'))
      expect(given).toEqual(expect.arrayContaining(names))
    const dropped = await lists('traefik-crd', 'customRequestHeaders')
    const all = dropped.filter(one => Object.keys(one as object).length > 10)
    expect(all.length).toBeGreaterThan(0)
    for (const one of all)
      expect(Object.keys(one as object).map(name => name.toLowerCase())).toEqual(expect.arrayContaining(names))
  })

  it('H51 ingress-nginx: take the place of what a client sent, on each host', async () => {
    const found = await lists('ingress-nginx', 'nginx.ingress.kubernetes.io/auth-response-headers')
    expect(found).toHaveLength(2)
    for (const list of found) expect(String(list).split(',')).toEqual(expect.arrayContaining(names))
  })

  it('H51 kgateway: are refused where there is no room to drop them', async () => {
    const { code, errors } = await many.print('kgateway', ...hosts)
    expect(code).toBe(2)
    expect(errors).toContain('kgateway drops 16 headers of a client before it asks, and applications are told 17')
    expect((await many.print('envoy-gateway', ...hosts)).code).toBe(0)
  })
})
