/**
 * What is asked about: an object of an application, or an address behind a proxy.
 *
 * Threat: an address that is read here in another way than at the proxy, so that a decision is about another page. So it goes the
 * way of every front, and what a front refuses is refused. Threat: what is told of an address before it is clear that whoever asks
 * may ask about its host, such as which spellings it takes. So the host is read first, and alone.
 */
import { isReservedDomain } from '../../rbac/domains.ts'
import { type AccessRequest, canonicaliseUrl, MalformedRequestError } from '../../rbac/request/access-request.ts'
import { requestForObject } from '../../rbac/request/object-request.ts'
import type { ApplicationNames } from '../../rbac/subjects.ts'
import type { QuestionNames } from './dependencies.ts'
import { malformed } from './fault.ts'
import { type Action, type Entity, own } from './message.ts'

/** Where a question is judged. */
export interface Place {
  readonly domain: string
  /** Of an object's application; absent for addresses. */
  readonly application?: ApplicationNames | undefined
  /** For addresses: `https://host`, with its port where it has one. */
  readonly origin?: string
}

type Known = Pick<QuestionNames, 'applications' | 'canonical'>

/** `app:` is the domain of no application: whatever is asked of a type that nobody has is denied as elsewhere. */
const nowhere: Place = { domain: 'app:' }

/** Throws `QuestionFault`. `isWhole`: the resource has an id. */
export function placeOf(resource: Omit<Entity, 'id'> & { readonly id?: string }, known: Known): Place {
  const { type } = resource
  const application = known.applications.find(({ types }) => types.includes(type))
  if (application !== undefined) return { domain: `app:${application.name}`, application }
  if (type === 'url') return placeOfUrl(resource.id ?? originIn(resource), known)
  if (type === 'route') return placeOfUrl(originIn(resource), known)
  return nowhere
}

function placeOfUrl(url: string, { canonical }: Known): Place {
  const [, origin] = /^([a-z]+:\/\/[^/?#]+)/i.exec(url) ?? []
  if (origin === undefined) malformed('resource: expected an address such as https://wiki.example.com/page')
  const { domain } = read(() => canonicaliseUrl('GET', `${origin}/`, canonical))
  if (isReservedDomain(domain)) malformed('resource: this is the name of no host')
  return { domain, origin }
}

/** Of a resource that says its host apart. */
function originIn({ properties }: Omit<Entity, 'id'>): string {
  const [host, scheme = 'https'] = [own(properties, 'host'), own(properties, 'scheme')]
  if (typeof host !== 'string' || typeof scheme !== 'string')
    malformed('resource.properties.host: expected the host of an address')
  const origin = `${scheme}://${host}`
  // Threat: what stands behind the host is cut off, and another address is judged than the one that was named.
  if (/[/?#]/.test(host)) malformed('resource.properties.host: expected a host, with nothing behind it')
  return origin
}

/** Throws `QuestionFault` for what no front would judge either. */
export function requestAt(place: Place, resource: Entity, action: Action, { canonical }: Known): AccessRequest {
  const { application, origin } = place
  return read(() => {
    if (origin === undefined) return requestForObject(application?.name ?? '', resource, action.name)
    return canonicaliseUrl(action.name, resource.type === 'route' ? origin + pathIn(resource) : resource.id, canonical)
  })
}

function pathIn({ id }: Entity): string {
  return id.startsWith('/') ? id : malformed('resource.id: expected a path, with a slash at its beginning')
}

function read<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof MalformedRequestError) return malformed(`resource: ${error.message}`)
    throw error
  }
}
