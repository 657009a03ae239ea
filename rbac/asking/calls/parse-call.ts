/** How a call is written on a command line and in test files. */

import { suggestion } from '../../../spelling/nearest.ts'
import { parseAction } from '../../actions.ts'
import type { Context } from '../../context.ts'
import { isApplicationDomain, parseDomainPattern, questionsDomain, tokensDomain } from '../../domains.ts'
import type { AskedCall } from '../../kubernetes/questions.ts'
import { readKubernetesRequest } from '../../kubernetes/request.ts'
import { kubernetesVerbs } from '../../kubernetes/verbs.ts'
import { ValueError } from '../../policy-error.ts'
import { type CanonicalOptions, canonicaliseUrl, MalformedRequestError } from '../../request/access-request.ts'
import { type Call, callOfRequest, callToCluster } from './call.ts'

/** A call, with what else the same words could mean. */
export interface WrittenCall extends Call {
  /** Verb and path of the policy: another verb would be another call. */
  readonly isByVerb: boolean
  readonly variants: readonly Variant[]
}

export interface Variant extends Call {
  /** Continues the sentence "it would be …". */
  readonly how: string
}

export type HeaderOf = NonNullable<Context['header']>

/**
 * - `GET https://host/path`
 * - `create tokens /wiki.example.com`: a token for that host, as rows have it
 * - `can_read app:todo /todo/1`: an action of an application on one of its objects
 * - `evaluate authzen /app:todo`: a question of an application
 * - `create kube:prod /payments/core/pods/web-0/exec`: verb and path as rows have them; `apply` is a server-side apply
 * - `PATCH kube:prod /api/v1/namespaces/payments/configmaps/web`: as HTTP has it, with `Content-Type` and `Upgrade` of `header`
 *
 * Throws `ValueError`, also for a call that the gateway refuses before the policy is asked.
 * @param canonical as fronts read addresses; default: with nothing that hosts have to ask for
 */
export function parseCall(
  text: string,
  header: HeaderOf = () => undefined,
  canonical: CanonicalOptions = {},
): WrittenCall {
  const [, action = '', domain = '', path = ''] =
    /^([\w.:-]+) (kube:\S+|app:\S+|console|tokens|authzen) (\/\S*)$/.exec(text) ?? []
  if (isApplicationDomain(domain)) parseDomainPattern(domain)
  const isWord = domain === tokensDomain || domain === questionsDomain || isApplicationDomain(domain)
  if (isWord) parseAction(action, domain, false)
  if (isWord || domain === 'console') {
    return plain(callOfRequest({ domain, resource: path, action, url: `${domain}${path}` }))
  }
  if (domain === '') return plain(callOfRequest(requestToHost(text, canonical)))
  parseDomainPattern(domain)
  if (/^[A-Z]/.test(action)) return plain(callToCluster(domain, readCall(action, path, header)))
  const [asked, ...others] = readingsOfVerb(action, path)
  return {
    ...callToCluster(domain, asked),
    isByVerb: true,
    variants: others.map(({ how, ...other }) => ({ ...callToCluster(domain, other), how })),
  }
}

const plain = (call: Call): WrittenCall => ({ ...call, isByVerb: false, variants: [] })

function requestToHost(text: string, canonical: CanonicalOptions) {
  const space = text.indexOf(' ')
  try {
    return canonicaliseUrl(text.slice(0, Math.max(space, 0)), text.slice(space + 1), canonical)
  } catch (error) {
    if (error instanceof MalformedRequestError) throw new ValueError(error.message + meantBy(text))
    throw error
  }
}

/** `GET wiki.example.com /admin` is what a question about a cluster looks like. */
function meantBy(text: string): string {
  const [, host, path = '/'] = /^\S+ ([a-z\d.-]+\.[a-z\d.-]+(?::\d+)?) ?(\/\S*)?$/i.exec(text) ?? []
  return host === undefined ? '' : `: expected it as in https://${host}${path}`
}

const impersonation = ['impersonate-user', 'impersonate-group', 'impersonate-uid']

function readCall(method: string, target: string, header: HeaderOf): AskedCall {
  if (impersonation.some(name => header(name) !== undefined)) {
    throw new ValueError(
      '--as is a call of its own: ask for impersonate /-/core/users/<name>, then for this call as them',
    )
  }
  const [upgrade, contentType] = ['upgrade', 'content-type'].map(name => header(name) ?? undefined)
  const request = readKubernetesRequest({
    method,
    target,
    ...(upgrade === undefined ? {} : { upgrades: [upgrade] }),
    ...(contentType === undefined ? {} : { contentTypes: [contentType] }),
  })
  if (request.kind === 'refused')
    throw new ValueError(`the gateway refuses this before it is judged: ${request.message}`)
  return request
}

type Reading = AskedCall & { readonly how: string }

const podStreams: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward'])
const apply = 'apply'

/** The first is the strictest of those that the verb certainly means. */
function readingsOfVerb(verb: string, path: string): readonly [Reading, ...Reading[]] {
  if (verb !== apply && !kubernetesVerbs.includes(verb)) {
    throw new ValueError(
      `"${verb}" is no verb of an API server${suggestion(verb, [...kubernetesVerbs, apply])}; a method of HTTP has capitals`,
    )
  }
  const [first = '', ...others] = path.slice(1).split('/')
  if (first === 'nonResourceURLs') {
    if (verb === apply) throw new ValueError('only resources are applied')
    return [{ kind: 'non-resource', verb, path: urlOf(others), how: '' }]
  }
  return readingsOfResource(verb, [first, ...others].map(decodeName))
}

/** With the slash at its end, where there is one. */
function urlOf(segments: readonly string[]): string {
  const isFolder = segments.length === 0 || segments.at(-1) === ''
  const names = (isFolder ? segments.slice(0, -1) : segments).map(decodeName)
  return `/${names.join('/')}${isFolder && names.length > 0 ? '/' : ''}`
}

function readingsOfResource(verb: string, segments: readonly string[]): readonly [Reading, ...Reading[]] {
  const [namespace = '-', group = '', resource = '', name, subresource] = segments
  if (segments.length < 3 || segments.length > 5) {
    throw new ValueError(
      'expected /<namespace or ->/<group or core>/<resource>[/<name>[/<subresource>]], or /nonResourceURLs/…',
    )
  }
  const base = {
    kind: 'resource',
    apiGroup: group === 'core' ? '' : group,
    resource,
    ...(namespace === '-' ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
    stream: 'none',
    isApply: false,
  } as const
  if (verb === apply) {
    if (name === undefined) throw new ValueError('an apply has the name of its object')
    return [{ ...base, verb: 'patch', isApply: true, how: '' }]
  }
  const plainly = { ...base, verb, how: '' }
  const isOfPod = base.apiGroup === '' && resource === 'pods' && podStreams.has(subresource ?? '')
  if (verb === 'create' && (isOfPod || subresource === 'proxy')) {
    const how = isOfPod ? 'by POST, as kubectl before 1.31 opens it' : 'as a POST, or upgraded by one'
    return [
      { ...base, verb: 'get', stream: 'websocket', how: '' },
      { ...plainly, how },
    ]
  }
  if (verb !== 'patch' || name === undefined || subresource !== undefined) return [plainly]
  return [plainly, { ...plainly, isApply: true, how: 'as a server-side apply' }]
}

/** As a row would write it: what is escaped there is escaped here. */
function decodeName(segment: string): string {
  const name = decoded(segment)
  if (name === '' || name === '.' || name === '..' || name.includes('/')) {
    throw new ValueError('a path in a cluster has no empty segment, none of dots, and no escaped slash')
  }
  return name
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new ValueError('a path in a cluster has a broken escape')
  }
}
