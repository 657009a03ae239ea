/** Calls to an API server as clients make them, and some that are refused: generated. */

import type { RawKubernetesCall } from '../../rbac/kubernetes/request.ts'
import { fc } from '../properties.ts'

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

const anyCalls: fc.Arbitrary<RawKubernetesCall> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'PATCH', 'DELETE'),
  target: targets,
  upgrades: fc.constantFrom<readonly string[]>([], [], [], ['websocket'], ['SPDY/3.1']),
  contentTypes: fc.constantFrom<readonly string[]>([], ...types.map(type => [type])),
})

const inPayments = (...paths: string[]) =>
  fc.constantFrom(...paths.map(path => path.replace('~', '/namespaces/payments/')))

/** Calls that are several questions: a server-side apply, a PUT that may create, a stream. */
const severals: fc.Arbitrary<RawKubernetesCall> = fc.oneof(
  fc.record({
    method: fc.constant('PATCH'),
    target: inPayments('/api/v1~services/keys', '/api/v1~secrets/web', '/apis/apps/v1~deployments/web'),
    contentTypes: fc.constant(['application/apply-patch+yaml']),
  }),
  fc.record({
    method: fc.constant('PUT'),
    target: inPayments('/api/v1~services/keys', '/api/v1~services/web', '/apis/rbac.authorization.k8s.io/v1~roles/web'),
  }),
  fc.record({
    method: fc.constantFrom('GET', 'POST'),
    target: inPayments('/api/v1~pods/web/exec', '/api/v1~pods/web/portforward', '/api/v1~services/web/proxy/a'),
    upgrades: fc.constantFrom(['websocket'], ['SPDY/3.1']),
  }),
)

export const kubernetesCalls = fc.oneof({ weight: 1, arbitrary: anyCalls }, { weight: 1, arbitrary: severals })
