/** Calls to an API server as clients make them, and some that are refused: generated. */
import fc from 'fast-check'
import type { RawKubernetesCall } from '../../rbac/kubernetes/request.ts'

const namespaces = ['payments', 'shop']
const names = ['web', 'keys', 'a%2Ab']
/** With the prefix of their API. */
const kinds = [
  ['/api/v1', 'pods'],
  ['/api/v1', 'services'],
  ['/api/v1', 'secrets'],
  ['/apis/apps/v1', 'deployments'],
  ['/apis/rbac.authorization.k8s.io/v1', 'roles'],
] as const
const subresources = ['exec', 'attach', 'portforward', 'log', 'status', 'proxy', 'proxy/a/b', 'token']
const urls = ['/', '/api', '/apis/', '/openapi/v3', '/metrics', '/version']
const queries = ['', '?watch=true', '?fieldSelector=metadata.name%3Dweb', '?follow=true', '?command=sh']

const targets = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...urls) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        kind: fc.constantFrom(...kinds),
        namespace: fc.option(fc.constantFrom(...namespaces), { nil: undefined }),
        name: fc.option(fc.constantFrom(...names), { nil: undefined }),
        subresource: fc.option(fc.constantFrom(...subresources), { nil: undefined }),
        query: fc.constantFrom(...queries),
      })
      .map(({ kind: [prefix, resource], namespace, name, subresource, query }) =>
        [
          prefix,
          ...(namespace === undefined ? [] : ['namespaces', namespace]),
          resource,
          ...(name === undefined ? [] : [name]),
          ...(name === undefined || subresource === undefined ? [] : [subresource]),
        ]
          .join('/')
          .concat(query),
      ),
  },
)

const types = ['application/apply-patch+yaml', 'application/merge-patch+json', 'application/json']

export const kubernetesCalls: fc.Arbitrary<RawKubernetesCall> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'PATCH', 'DELETE'),
  target: targets,
  upgrades: fc.constantFrom<readonly string[]>([], [], [], ['websocket'], ['SPDY/3.1']),
  contentTypes: fc.constantFrom<readonly string[]>([], ...types.map(type => [type])),
})
