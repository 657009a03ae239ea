/** What we read of a call, and what the API server's audit log says that it read. */
import type { KubernetesRequest } from '../../rbac/kubernetes/request.ts'
import type { AuditEvent } from './audit-log.ts'

type Audited = Pick<AuditEvent, 'verb' | 'objectRef' | 'requestURI'>

/** One line for each thing that is read differently; none when the two agree. */
export function differencesFrom(request: KubernetesRequest, event: Audited | undefined): readonly string[] {
  if (event === undefined) return ['the server has no event of it']
  const wanted = { verb: request.verb, ...objectOf(request) }
  const { resource, apiGroup, apiVersion, namespace, name, subresource } = event.objectRef ?? {}
  const read = { verb: event.verb, resource, apiGroup, apiVersion, namespace, name, subresource }
  const fields = Object.keys({ ...wanted, ...read }).filter(field => fieldOf(wanted, field) !== fieldOf(read, field))
  const differing = fields.map(field => `${field}: ${fieldOf(wanted, field)}, the server: ${fieldOf(read, field)}`)
  if (decoded(event.requestURI) === decoded(request.target)) return differing
  return [...differing, `target: ${request.target}, the server: ${event.requestURI}`]
}

function objectOf(request: KubernetesRequest): Readonly<Record<string, string | undefined>> {
  if (request.kind === 'non-resource') return {}
  const { resource, apiGroup, apiVersion, namespace, name, subresource } = request
  return { resource, apiGroup, apiVersion, namespace, name, subresource }
}

/** Empty and absent are one. */
const fieldOf = (fields: object, field: string): unknown => Reflect.get(fields, field) || undefined

/** The server writes its own spelling of a path that holds what should be escaped. */
function decoded(target: string): string {
  const [path = '', ...query] = target.split('?')
  return [decodeURIComponent(path), ...query].join('?').replace(/\?$/, '')
}
