/**
 * GKE's audit log: an API server's events as entries of Cloud Audit Logs. They hold the method, the name of the resource, the one
 * who asked and the two annotations of the decision; neither groups nor the address of the call.
 */

type Fields = Readonly<Record<string, unknown>>

/** `undefined` for what is no entry of a Kubernetes API server. */
export function googleEvent(entry: Fields): Fields | undefined {
  const { protoPayload, insertId, labels, timestamp } = entry
  if (!isFields(protoPayload) || protoPayload.serviceName !== 'k8s.io') return undefined
  const method = readMethod(text(protoPayload.methodName))
  const asked = isFields(protoPayload.authenticationInfo) ? protoPayload.authenticationInfo : {}
  const who = text(asked.principalEmail)
  if (method === undefined || who === '') return undefined
  const as = text(asked.authoritySelector)
  return {
    auditID: text(insertId) || text(isFields(entry.operation) ? entry.operation.id : ''),
    stage: 'ResponseComplete',
    ...requestOf(method, text(protoPayload.resourceName)),
    user: { username: who },
    ...(as !== '' && as !== who && { impersonatedUser: { username: as } }),
    responseStatus: statusOf(protoPayload),
    annotations: { ...(isFields(labels) ? labels : {}), ...decisionOf(protoPayload) },
    requestReceivedTimestamp: timestamp,
  }
}

interface Method {
  readonly verb: string
  readonly resource: string
  readonly subresource?: string
}

/** `io.k8s.core.v1.pods.exec.create`: group (turned round), version, resource, perhaps a subresource, verb. */
function readMethod(name: string): Method | undefined {
  const parts = name.split('.')
  const version = parts.findIndex(part => /^v\d+(?:(?:alpha|beta)\d+)?$/.test(part))
  const [resource, ...rest] = version === -1 ? [] : parts.slice(version + 1)
  const verb = rest.at(-1)
  if (resource === undefined || verb === undefined) return undefined
  const subresource = rest.slice(0, -1).join('.')
  return { verb, resource, ...(subresource !== '' && { subresource }) }
}

/** `core/v1/namespaces/shop/pods/web-0/exec`: group, version, and the path as the API has it. */
function requestOf({ verb, resource, subresource }: Method, path: string) {
  const [group = '', version = '', ...names] = path.split('/')
  const isInNamespace = names[0] === 'namespaces' && names.length > 2
  const place = isInNamespace ? names.slice(2) : names
  // Of what is made it is the new name, which nobody was asked about.
  const isNameless = (verb === 'create' && subresource === undefined) || verb === 'deletecollection'
  const name = place[0] === resource && !isNameless ? place[1] : undefined
  return {
    verb,
    objectRef: {
      resource,
      apiVersion: version,
      ...(group !== 'core' && { apiGroup: group }),
      ...(subresource !== undefined && { subresource }),
      ...(isInNamespace && { namespace: names[1] }),
      ...(name !== undefined && { name }),
    },
  }
}

/** google.rpc.Code: 7 is PERMISSION_DENIED, 16 UNAUTHENTICATED; no code at all is success. */
function statusOf({ status }: Fields): { readonly code: number } {
  const code = isFields(status) && typeof status.code === 'number' ? status.code : 0
  return { code: code === 7 ? 403 : code === 16 ? 401 : code >= 400 ? code : 200 }
}

function decisionOf({ authorizationInfo }: Fields): Readonly<Record<string, string>> {
  const [first] = Array.isArray(authorizationInfo) ? (authorizationInfo as unknown[]) : []
  return isFields(first) && first.granted === false ? { 'authorization.k8s.io/decision': 'forbid' } : {}
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
