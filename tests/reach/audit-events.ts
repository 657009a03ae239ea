/** Audit events of tests, as an API server writes them. */

interface EventChoice {
  readonly user?: string
  readonly groups?: readonly string[]
  readonly verb?: string
  readonly resource?: string
  readonly group?: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
  readonly uri?: string
  readonly code?: number
  readonly decision?: 'allow' | 'forbid'
  readonly reason?: string
  readonly at?: string
  readonly stage?: string
  readonly id?: string
  readonly impersonated?: object
  readonly constraint?: string
  readonly more?: object
}

let ids = 0

export function auditEvent(choice: EventChoice = {}) {
  const { user = 'alice', groups, verb = 'list', resource = 'pods', group = '', subresource, namespace, name } = choice
  const { code = 200, decision = 'allow', reason = '', at = '2026-03-01T12:00:00.000000Z' } = choice
  const api = group === '' ? '/api/v1' : `/apis/${group}/v1`
  const place = namespace === undefined ? '' : `/namespaces/${namespace}`
  const isNameless = verb === 'create' && subresource === undefined
  const path = [api + place, resource, isNameless ? undefined : name, subresource].filter(part => part !== undefined)
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: choice.id ?? `id-${++ids}`,
    stage: choice.stage ?? 'ResponseComplete',
    requestURI: choice.uri ?? path.join('/'),
    verb,
    user: { username: user, groups: groups ?? ['system:authenticated'] },
    ...(choice.impersonated !== undefined && { impersonatedUser: choice.impersonated }),
    ...(choice.constraint !== undefined && { authenticationMetadata: { impersonationConstraint: choice.constraint } }),
    objectRef: {
      resource,
      apiVersion: 'v1',
      ...(group !== '' && { apiGroup: group }),
      ...(subresource !== undefined && { subresource }),
      ...(namespace !== undefined && { namespace }),
      ...(name !== undefined && { name }),
    },
    responseStatus: { code },
    requestReceivedTimestamp: at,
    stageTimestamp: at,
    annotations: { 'authorization.k8s.io/decision': decision, 'authorization.k8s.io/reason': reason },
    ...choice.more,
  }
}
