/** Calls to an API server: what clients send, and what nobody sends but to be read in two ways. */
import { fc } from '../properties.ts'

export interface TestCall {
  readonly method: string
  /** Characters are bytes, as on the wire. */
  readonly target: string
}

/** Prefix, whether namespaced, resource, subresources. */
const kinds: readonly (readonly [string, boolean, string, readonly string[]])[] = [
  ['/api/v1', true, 'pods', ['log', 'exec', 'attach', 'portforward', 'proxy', 'status', 'eviction', 'binding']],
  ['/api/v1', true, 'services', ['proxy', 'status']],
  ['/api/v1', true, 'secrets', []],
  ['/api/v1', true, 'configmaps', []],
  ['/api/v1', true, 'serviceaccounts', ['token']],
  ['/api/v1', true, 'endpoints', []],
  ['/api/v1', false, 'nodes', ['proxy', 'status']],
  ['/api/v1', false, 'namespaces', ['status', 'finalize']],
  ['/api/v1', false, 'persistentvolumes', ['status']],
  ['/apis/apps/v1', true, 'deployments', ['scale', 'status']],
  ['/apis/batch/v1', true, 'jobs', ['status']],
  ['/apis/coordination.k8s.io/v1', true, 'leases', []],
  ['/apis/rbac.authorization.k8s.io/v1', false, 'clusterroles', []],
  ['/apis/rbac.authorization.k8s.io/v1', true, 'rolebindings', []],
  ['/apis/authorization.k8s.io/v1', false, 'selfsubjectaccessreviews', []],
  ['/apis/apiextensions.k8s.io/v1', false, 'customresourcedefinitions', ['status']],
  ['/apis/nobody.example.com/v1alpha1', true, 'widgets', ['status', 'scale']],
]
const namespaces = ['default', 'kube-system', 'payments', 'status']
const names = [
  'web-0',
  'system:node',
  'a.b.c',
  'x',
  'admin%3Aread',
  'caf%C3%A9',
  'https:web:443',
  'proxy',
  'watch',
  '%2A',
]
const urls = [
  '/api', '/api/', '/apis', '/apis/', '/apis/apps', '/apis/apps/v1', '/apis/apps/v1/', '/api/v1', '/api/v1/', '/version', '/version/',
  '/openapi/v2', '/openapi/v3', '/openapi/v3/apis/apps/v1', '/healthz', '/healthz/etcd', '/livez', '/readyz?verbose', '/metrics', '/', '/logs/',
  '/.well-known/openid-configuration', '/openid/v1/jwks', '/nothing/at/all',
] // biome-ignore format: a list of words
const listQueries = [
  '', '?', '?limit=500', '?watch=true', '?watch=1', '?watch=false', '?watch=0', '?watch', '?watch=', '?watch=FALSE', '?watch=no&timeoutSeconds=1',
  '?limit=500&continue=abc', '?fieldSelector=metadata.name%3Dweb-0', '?fieldSelector=metadata.name=web-0&watch=true',
  '?fieldSelector=metadata.name%3D%3Dx,spec.nodeName%3Dn1', '?fieldSelector=spec.nodeName%21%3Dn1', '?fieldSelector=metadata.name!%3Dx',
  '?labelSelector=app%3Dweb%2Ctier+in+%28a%2Cb%29', '?labelSelector=app%3Dweb&fieldSelector=metadata.name%3Dx', '?fieldSelector=status.phase%3DRunning',
  '?resourceVersion=0&resourceVersionMatch=NotOlderThan', '?allowWatchBookmarks=true&resourceVersion=1&timeoutSeconds=1&watch=true',
  '?fieldSelector=a%3D%5C%2Cb%2Cmetadata.name%3Dx', '?timeout=32s', '?fieldSelector=',
] // biome-ignore format: a list of words
const otherQueries = [
  '',
  '?fieldManager=kubectl&force=true',
  '?dryRun=All',
  '?command=sh&command=-c&stdin=true',
  '?pretty=true',
  '?watch=true',
  '?follow=true',
]
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']

const one = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)

const resourceCalls: fc.Arbitrary<TestCall> = fc
  .record({
    kind: one(kinds),
    namespace: one(namespaces),
    hasNamespace: fc.boolean(),
    name: one(names),
    depth: fc.nat({ max: 2 }),
    subresource: fc.nat(),
    rest: one(['', '', '', '/', '/a/b', '/metrics?x=1']),
    via: one(['', '', '', '', '', '/watch']),
    method: one([...methods, 'GET', 'GET', 'GET']),
    listQuery: one(listQueries),
    otherQuery: one(otherQueries),
  })
  .map(({ kind: [prefix, isNamespaced, resource, subresources], ...call }) => {
    const depth = Math.min(call.depth, subresources.length === 0 ? 1 : 2)
    const scope = isNamespaced && (call.hasNamespace || depth > 0) ? `/namespaces/${call.namespace}` : ''
    const subresource = subresources[call.subresource % Math.max(subresources.length, 1)] ?? ''
    const behind = [
      '',
      `/${call.name}`,
      `/${call.name}/${subresource}${subresource === 'proxy' ? call.rest.split('?')[0] : ''}`,
    ][depth]
    const via = call.method === 'GET' ? call.via : ''
    return {
      method: call.method,
      target: `${prefix}${via}${scope}/${resource}${behind}${depth === 0 ? call.listQuery : call.otherQuery}`,
    }
  })

const urlCalls: fc.Arbitrary<TestCall> = fc.record({
  method: one(['GET', 'GET', 'GET', 'HEAD', 'POST']),
  target: one(urls),
})

/** What clients send. */
export const ordinaryCalls: fc.Arbitrary<TestCall> = fc.oneof(
  { weight: 5, arbitrary: resourceCalls },
  { weight: 1, arbitrary: urlCalls },
)

const odd = [
  '/', '//', '/./', '/../', '/.', '/..', '%2f', '%2F', '%2e', '%2e%2e', '/%2e%2e/', '/%2E/', '..%2f', '%2f..', '%252f', '%252e%252e/', '%25', '%', '%zz', '%4',
  ';', ';x=1', '%3b', '%3B', '?', '%3f', '%3F', '#', '%23', '\\', '%5c', '%5C', '..\\', '%00', '%0a', '%0d%0a', '%7f', '%ff', '%c0%af', '%c0%ae', '%e2%80%8b', '%ef%bc%8f',
  '%C3%A9', '%c3', '\xe9', '\xc3\xa9', '*', '%2a', '%2A', '+', '%20', '@', ':', '&', '=', '-', '/-', '/-/', '~', '|', '{', '"', '<', '^', '`', "'", '(',
  '/watch', '/proxy', '/watch/', '/namespaces', '/namespaces/', '/namespaces/default', '/status', '/finalize', '/log', '/exec', '/core', '/core/', '/api', '/apis/',
  '%61', '%70', '%70ods', '/pods', '/pods/', '/PODS', 'A', '0', '_', '.', '...', '/...', '/v1', '//example.com', 'http://example.com/', 'HTTPS://h/',
  '?watch', '?watch=1', '&watch=true', '&watch=0&watch=1', '?watch=1;watch=0', '?Watch=1', '?%77atch=1', '?watch=%31', '?watch=fal%C5%BFe', '?watch=%', '?watch=%46ALSE',
  '?fieldSelector=metadata.name=a', '&fieldSelector=metadata.name%3Db', '?fieldSelector=metadata.name%3Da%2Cmetadata.name%3Db', '?fieldSelector=metadata.name%3D..',
  '?fieldSelector=metadata.name%3Da%252Fb', '?fieldSelector=metadata.name%3Da%2Fb', '?fieldSelector=metadata.name%3D', '?fieldSelector=metadata.name', '?fieldSelector=+metadata.name%3Da',
  '?fieldSelector=metadata.name%3Da%5C', '?fieldSelector=metadata.name%3Da%5C%2Cb', '?fieldSelector=metadata.name%3D%3D%3Da', '?fieldSelector=metadata%2Ename%3Da', '?fieldSelector=,,metadata.name=a',
  '?fieldSelector=metadata.name=a&labelSelector=!!', '?fieldSelector=metadata.name=a&labelSelector=in', '?fieldSelector=metadata.name=a&labelSelector=a+in+(b)', '?fieldSelector=metadata.name=a&limit=x',
  '&limit=5', '&limit=x', '?limit=', '?limit=5&limit=x', '?limit=99999999999999999999', '?limit=%2B5', '?timeoutSeconds=1.5', '&labelSelector=a%3Db', '&labelSelector=%28', '?labelSelector=a;b', '?a=%ff',
  '?fieldSelector=metadata.name%3D%C3%A9', '?fieldSelector=metadata.name%3D%FF', '?fieldSelector=metadata.name=a;x', '?fieldSelector=x%3D1,metadata.name!=b,metadata.name=c', '?shardSelector=x&fieldSelector=metadata.name=a',
] // biome-ignore format: a list of words

type Trick = (target: string, at: number, what: string) => string

const tricks: readonly Trick[] = [
  (target, at, what) => target.slice(0, at) + what + target.slice(at),
  (target, at, what) => target.slice(0, at) + what + target.slice(at),
  (target, at, what) => target.slice(0, at) + what + target.slice(at + 1),
  (target, _, what) => target + what,
  (target, _, what) => target + what,
  (target, _, what) => `/${what}${target}`,
  // A segment in place of another, or none.
  (target, at, what) =>
    target
      .split('/')
      .with(at % target.split('/').length, what)
      .join('/'),
  (target, at) =>
    target
      .split('/')
      .toSpliced(at % target.split('/').length, 1)
      .join('/'),
  (target, at, what) =>
    target
      .split('/')
      .toSpliced(1 + (at % target.split('/').length), 0, what)
      .join('/'),
  // A letter as its escape.
  (target, at) => target.slice(0, at) + escapeOf(target[at] ?? '') + target.slice(at + 1),
]

const escapeOf = (character: string): string =>
  character === '' ? '' : `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`

/** One to three tricks on what clients send; no target holds a space or a line end, which would end the request line. */
export const oddCalls: fc.Arbitrary<TestCall> = fc
  .record({
    call: ordinaryCalls,
    method: one(['GET', 'GET', 'GET', 'GET', 'DELETE', 'POST', 'OPTIONS', 'PURGE', 'get', 'TRACE']),
    steps: fc.array(fc.tuple(one(tricks), fc.nat({ max: 90 }), one(odd)), { minLength: 1, maxLength: 3 }),
  })
  .map(({ call, method, steps }) => ({
    method: method === 'GET' ? call.method : method,
    target: steps.reduce((target, [trick, at, what]) => trick(target, at % (target.length + 1), what), call.target),
  }))
