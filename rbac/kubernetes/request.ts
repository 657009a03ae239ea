/**
 * What a call to an API server asks for: verb, API group, resource, namespace, name, exactly as the server itself reads it
 * (k8s.io/apiserver v0.37, pkg/endpoints/request/requestinfo.go), or a refusal.
 *
 * Threat: a call that we judge as one thing and the server serves as another. So a path that anybody on the way could read
 * differently is refused, and what is sent on is written anew from what was judged.
 */
import { type KubernetesRefusal, Refused, refuse } from './refusal.ts'
import { checkRest, decodeSegment, encodeSegment, type RawTarget, splitTarget } from './segments.ts'
import { type ListOptions, readListOptions } from './selectors.ts'
import { readStream, type Stream } from './streams.ts'

/** As it came on the wire; nothing has been checked. */
export interface RawKubernetesCall {
  /** `CONNECT` only with `protocol`. */
  readonly method: string
  /** Path and query as the API server is to get them: without the prefix of the cluster. */
  readonly target: string
  /** Value of each `Upgrade` line. */
  readonly upgrades?: readonly string[]
  /** `:protocol` of an extended CONNECT (RFC 8441): `websocket` is a GET with that upgrade. */
  readonly protocol?: string
  /** Value of each `Content-Type` line. */
  readonly contentTypes?: readonly string[]
}

interface Call {
  readonly method: string
  /** As the API server's audit log has it; of a non-resource URL the method in lower case. */
  readonly verb: string
  /** What to send on: read by the API server as it was read here. */
  readonly target: string
  readonly stream: Stream
  /** The API server's own list: watch, log, exec, attach, portforward, proxy. */
  readonly isLongRunning: boolean
}

export interface KubernetesResourceRequest extends Call {
  readonly kind: 'resource'
  /** Empty for the core group. */
  readonly apiGroup: string
  readonly apiVersion: string
  readonly resource: string
  readonly subresource?: string
  /** Absent for resources of the cluster, and for those of all namespaces. */
  readonly namespace?: string
  /** In the path, or the only one that the field selector of a list or watch lets through. */
  readonly name?: string
  /** What stands behind the subresource, with its slash, as it came. */
  readonly rest?: string
  /** As the query has them; only of list, watch and deletecollection. */
  readonly fieldSelector?: string
  readonly labelSelector?: string
  /** Of a patch that may create what is not there: every type but those three that certainly do not. */
  readonly isApply: boolean
}

export interface KubernetesNonResourceRequest extends Call {
  readonly kind: 'non-resource'
  /** Decoded, with a trailing slash where there is one. */
  readonly path: string
}

export interface RefusedKubernetesRequest {
  readonly kind: 'refused'
  readonly reason: KubernetesRefusal
  /** Never quotes the call. */
  readonly message: string
}

export type KubernetesRequest = KubernetesResourceRequest | KubernetesNonResourceRequest

/** Longest target in characters, before and after it is written anew. */
const maxTargetLength = 16_384

/** Never throws. */
export function readKubernetesRequest(call: RawKubernetesCall): KubernetesRequest | RefusedKubernetesRequest {
  try {
    const request = read(call)
    if (request.target.length > maxTargetLength) refuse('length')
    return request
  } catch (error) {
    if (error instanceof Refused) return { kind: 'refused', reason: error.reason, message: error.message }
    return { kind: 'refused', reason: 'target', message: 'The call cannot be read.' }
  }
}

function read(call: RawKubernetesCall): KubernetesRequest {
  if (call.target.length > maxTargetLength) refuse('length')
  const { method, upgrade } = readStream(call)
  const target = splitTarget(call.target)
  const prefix = prefixOf(target.segments)
  if (prefix === undefined) return readNonResource(method, target, upgrade)
  return readResource({ method, upgrade, contentTypes: call.contentTypes ?? [] }, target, prefix)
}

const nonResourceMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

function readNonResource(
  method: string,
  { segments, query }: RawTarget,
  upgrade: Stream,
): KubernetesNonResourceRequest {
  if (!nonResourceMethods.has(method)) refuse('method')
  if (upgrade !== 'none') refuse('upgrade')
  const isFolder = segments.at(-1) === ''
  const names = (isFolder ? segments.slice(0, -1) : segments).map(decodeSegment)
  const slash = isFolder && names.length > 0 ? '/' : ''
  return {
    kind: 'non-resource',
    method,
    verb: method.toLowerCase(),
    path: `/${names.join('/')}${slash}`,
    target: `/${names.map(encodeSegment).join('/')}${slash}${query}`,
    stream: 'none',
    isLongRunning: false,
  }
}

interface Prefix {
  readonly apiGroup: string
  readonly apiVersion: string
  /** Number of segments that it takes. */
  readonly length: 2 | 3
}

/** `undefined` for what the server calls a non-resource URL: too short, or below no prefix of an API. */
function prefixOf(segments: readonly string[]): Prefix | undefined {
  const first = decodeSegment(segments[0] || '-')
  if (first !== 'api' && first !== 'apis') return undefined
  const length = first === 'api' ? 2 : 3
  // Threat: `/api/v1//pods`. Only slashes at the end do not count for the server.
  if (segments.findLastIndex(segment => segment !== '') < length) return undefined
  const names = segments.slice(1, length).map(decodeSegment)
  const apiGroup = length === 2 ? '' : (names[0] ?? '')
  const apiVersion = names.at(-1) ?? ''
  // Threat: `/apis/core/v1/pods` would be judged as the core group's.
  if (length === 3 && (!subdomain.test(apiGroup) || apiGroup.length > 253 || apiGroup === 'core')) refuse('group')
  if (!label.test(apiVersion)) refuse('version')
  return { apiGroup, apiVersion, length }
}

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const subdomain = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/

interface Sent {
  readonly method: string
  readonly upgrade: Stream
  readonly contentTypes: readonly string[]
}

/** Names behind the prefix of the API, and where in the path they are. */
interface Place {
  /** Of the path: `watch` or `proxy`, which stand there for the verb. */
  readonly pathVerb?: 'watch' | 'proxy'
  readonly namespace?: string
  readonly resource: string
  readonly name?: string
  readonly subresource?: string
  /** Number of segments that were read. */
  readonly length: number
}

function readResource(sent: Sent, { segments, query }: RawTarget, prefix: Prefix): KubernetesResourceRequest {
  const place = placeOf(segments, prefix)
  const { pathVerb, namespace, resource, subresource } = place
  if (namespace !== undefined && !label.test(namespace)) refuse('namespace')
  const rest = segments.length === place.length ? '' : `/${segments.slice(place.length).join('/')}`
  checkRest(rest)
  const { verb, options } = verbOf(sent.method, place, query)
  const name = place.name ?? options.name
  const { fieldSelector, labelSelector } = options
  const stream = streamOf(sent.upgrade, verb, subresource)
  const judged = segments.slice(0, place.length).map(segment => encodeSegment(decodeSegment(segment)))
  return {
    kind: 'resource',
    method: sent.method,
    verb,
    apiGroup: prefix.apiGroup,
    apiVersion: prefix.apiVersion,
    resource,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(rest === '' ? {} : { rest }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    isApply: verb === 'patch' && pathVerb === undefined && isApply(sent.contentTypes),
    target: `/${judged.join('/')}${rest}${query}`,
    stream,
    isLongRunning: longVerbs.has(verb) || (subresource !== undefined && longSubresources.has(subresource)),
  }
}

/** Subresources of a namespace; any other third name is a resource in it. */
const namespaceSubresources: ReadonlySet<string> = new Set(['status', 'finalize'])

function placeOf(segments: readonly string[], prefix: Prefix): Place {
  let at: number = prefix.length
  const peek = (ahead: number): string | undefined => {
    const raw = segments[at + ahead]
    return raw === undefined ? undefined : decodeSegment(raw)
  }
  const first = peek(0)
  const pathVerb = first === 'watch' || first === 'proxy' ? first : undefined
  if (pathVerb !== undefined) at += 1
  let namespace: string | undefined
  if (peek(0) === 'namespaces') {
    namespace = peek(1)
    const third = namespace === undefined ? undefined : peek(2)
    if (third !== undefined && !namespaceSubresources.has(third)) at += 2
  }
  const resource = peek(0) ?? refuse('incomplete')
  const name = peek(1)
  const subresource = name === undefined || pathVerb === 'proxy' ? undefined : peek(2)
  return {
    ...(pathVerb === undefined ? {} : { pathVerb }),
    ...(namespace === undefined ? {} : { namespace }),
    resource,
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
    length: at + 1 + Number(name !== undefined) + Number(subresource !== undefined),
  }
}

const verbs: ReadonlyMap<string, string> = new Map([
  ['GET', 'get'],
  ['HEAD', 'get'],
  ['POST', 'create'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
])

const noOptions: ListOptions = { isWatch: false }

function verbOf(method: string, place: Place, query: string): { readonly verb: string; readonly options: ListOptions } {
  const { pathVerb, name } = place
  // For the server it is a watch with any method; it serves none but GET.
  if (pathVerb === 'watch' && method !== 'GET') refuse('method')
  const verb = verbs.get(method) ?? refuse('method')
  if (pathVerb !== undefined) return { verb: pathVerb, options: noOptions }
  if (name !== undefined) return { verb, options: noOptions }
  if (verb === 'get') {
    const options = readListOptions(query)
    return { verb: options.isWatch ? 'watch' : 'list', options }
  }
  if (verb !== 'delete') return { verb, options: noOptions }
  // The selector of what is deleted names nothing for the server, so it does not here.
  const { name: _, ...options } = readListOptions(query)
  return { verb: 'deletecollection', options }
}

const longVerbs: ReadonlySet<string> = new Set(['watch', 'proxy'])
const longSubresources: ReadonlySet<string> = new Set(['attach', 'exec', 'proxy', 'log', 'portforward'])

/** Threat: an upgrade where none is served makes the connection a tunnel for whatever comes next. */
function streamOf(upgrade: Stream, verb: string, subresource: string | undefined): Stream {
  if (upgrade === 'none') return 'none'
  const isServed = subresource !== undefined || (verb === 'watch' && upgrade === 'websocket')
  if (!isServed) refuse('upgrade')
  return upgrade
}

const patchTypes: ReadonlySet<string> = new Set([
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
])

function isApply(contentTypes: readonly string[]): boolean {
  if (contentTypes.length > 1) refuse('content-type')
  return !patchTypes.has((contentTypes[0] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '')
}
