/** One list of headers that no client gets through: a name that is added to it fails here until each file has it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { droppedHeaders } from '../../cli/client-headers/dropped-headers.ts'

interface Mutation {
  readonly remove?: string
  readonly remove_on_match?: { readonly key_matcher: { readonly prefix?: string } }
}

const root = join(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const names = droppedHeaders.flatMap(family => family.names)
const lower = (list: readonly string[]): string[] => list.map(name => name.toLowerCase()).sort()

describe('the headers that no client gets through', () => {
  it('are each named once', () => {
    expect(new Set(lower(names)).size).toBe(names.length)
  })

  it('are the lines of the NGINX file, which is included towards applications and towards Sallyport', () => {
    const lines = [
      ...read('deploy/nginx/templates/sallyport-drop.conf.template').matchAll(/^proxy_set_header (\S+) "";$/gm),
    ]
    expect(lower(lines.map(([, name = '']) => name))).toEqual(lower(names))
    for (const file of ['location', 'ask']) {
      expect(read(`deploy/nginx/templates/sallyport-${file}.conf.template`)).toMatch(/^include sallyport-drop\.conf;$/m)
    }
  })

  it('are removed by the middleware of Traefik that the check and the auth host have', () => {
    // Traefik fills in what stands in braces before it reads the rest.
    const filledIn = read('deploy/traefik/dynamic/sallyport.yaml').replaceAll(/\{\{.*?\}\}/g, 'x')
    const { http } = parse(filledIn, { merge: true }) as {
      readonly http: {
        readonly middlewares: {
          readonly sallyport: { readonly chain: { readonly middlewares: readonly string[] } }
          readonly 'sallyport-drop-client-headers': {
            readonly headers: { readonly customRequestHeaders: Readonly<Record<string, string>> }
          }
        }
        readonly routers: { readonly sallyport: { readonly middlewares: readonly string[] } }
      }
    }
    const removed = http.middlewares['sallyport-drop-client-headers'].headers.customRequestHeaders
    expect(Object.values(removed).filter(value => value !== '')).toEqual([])
    const known = new Set(lower(Object.keys(removed)))
    expect(lower(names).filter(name => !known.has(name))).toEqual([])
    expect(http.middlewares.sallyport.chain.middlewares[0]).toBe('sallyport-drop-client-headers')
    expect(http.routers.sallyport.middlewares).toContain('sallyport-drop-client-headers')
  })

  it('are removed by the snippet of Caddy, whole families by what they begin with', () => {
    const snippet = read('deploy/caddy/sallyport.caddy')
    const removed = new Set(
      [...snippet.matchAll(/^\trequest_header -(\S+)$/gm)].map(([, name = '']) => name.toLowerCase()),
    )
    const missing = droppedHeaders.flatMap(({ prefix, names: members }) => {
      if (prefix !== undefined) return removed.has(`${prefix.toLowerCase()}*`) ? [] : [prefix]
      return members.filter(name => !removed.has(name.toLowerCase()) && !name.startsWith('X-Forwarded-'))
    })
    expect(missing).toEqual([])
    expect(removed.has('x-forwarded-*')).toBe(true)
  })

  it('are removed by the filter of Envoy that stands before the check, whole families by what they begin with', () => {
    const { resources } = parse(read('deploy/envoy/sallyport-drop.yaml')) as {
      readonly resources: readonly [
        { readonly typed_config: { readonly mutations: { readonly request_mutations: readonly Mutation[] } } },
      ]
    }
    const mutations = resources[0].typed_config.mutations.request_mutations
    const exact = new Set(mutations.map(({ remove }) => remove))
    const prefixes = mutations.flatMap(({ remove_on_match: match }) => match?.key_matcher.prefix ?? [])
    const missing = lower(names).filter(name => !exact.has(name) && !prefixes.some(prefix => name.startsWith(prefix)))
    expect(missing).toEqual([])
    for (const own of ['remote-', 'x-sallyport-', 'x-forwarded-', 'x-original-', 'x-envoy-'])
      expect(prefixes).toContain(own)
    const order = [...read('deploy/envoy/envoy.yaml.template').matchAll(/^ {18}- name: (\S+)$/gm)].map(
      ([, name]) => name,
    )
    expect(order).toEqual(['sallyport-drop', 'sallyport-check', 'envoy.filters.http.router'])
  })

  it('are removed by the lines of HAProxy that stand before the check, whole families by what they begin with', () => {
    const [before = ''] = read('deploy/haproxy/haproxy.cfg').split('http-request lua.sallyport ')
    const removed = [...before.matchAll(/^ {4}http-request del-header (\S+?)( -m beg)?$/gm)]
    const exact = new Set(removed.map(([, name, isPrefix]) => (isPrefix === undefined ? name : undefined)))
    const prefixes = removed.flatMap(([, name = '', isPrefix]) => (isPrefix === undefined ? [] : [name]))
    const missing = lower(names).filter(name => !exact.has(name) && !prefixes.some(prefix => name.startsWith(prefix)))
    expect(missing).toEqual([])
    for (const own of ['remote-', 'x-sallyport-', 'x-forwarded-', 'x-original-', 'x-rewrite-'])
      expect(prefixes).toContain(own)
  })

  it('are all on the page', () => {
    const page = read('docs/proxies/dropped-headers.md')
    expect(names.filter(name => !page.includes(`\`${name}\``))).toEqual([])
    for (const { of, prefix = '' } of droppedHeaders)
      expect([page.includes(of), page.includes(prefix)]).toEqual([true, true])
  })
})
