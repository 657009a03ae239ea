/** Identities that are no subject of a binding by themselves: bootstrap tokens, and requests for certificates. */
import { parseInstant } from '../../conditions/times.ts'
import type { ClusterObjects, SecretObject } from '../objects.ts'
import { certificateOf, requestsIn } from './certificates.ts'
import type { Credential, InventoriedIdentity } from './identity.ts'
import { ownerOf } from './owner.ts'
import { createdOf } from './service-accounts.ts'

/** What most kinds have nothing of. */
export const nothing = {
  consumers: [],
  credentials: [],
  cloudRoles: [],
  bindings: [],
  hasEverything: false,
  isMissing: false,
}

export const bootstrapTokens = ({ secrets }: ClusterObjects): InventoriedIdentity[] =>
  secrets
    .filter(({ type }) => type === 'bootstrap.kubernetes.io/token')
    .map(secret => ({
      ...nothing,
      id: `bootstrap-token:${secret.name}`,
      kind: 'bootstrap-token',
      namespace: secret.namespace,
      name: secret.name,
      place: secret.place,
      ...createdOf(secret),
      ...ownerField(ownerOf(secret, undefined)),
      credentials: [
        { kind: 'bootstrap-token', name: secret.name, ...createdOf(secret), expires: expiryOfToken(secret) },
      ],
    }))

/** Threat: what nobody has read would look like what has no end, or like what has one. */
function expiryOfToken({ expiration }: SecretObject): NonNullable<Credential['expires']> {
  if (expiration === undefined || expiration === 'never') return expiration ?? 'unknown'
  return parseInstant(expiration) ?? 'unknown'
}

export const certificateRequests = (objects: ClusterObjects): InventoriedIdentity[] =>
  requestsIn(objects).map(request => {
    const { signer, requestor, usages, state, expirationSeconds, requested, issued } = request.says
    const whom = issued ?? requested
    return {
      ...nothing,
      id: `certificate-request:${request.name}`,
      kind: 'certificate-request',
      name: request.name,
      place: request.place,
      ...createdOf(request),
      ...ownerField(ownerOf(request, undefined) ?? requestedBy(requestor)),
      credentials: certificateOf(request),
      certificate: {
        ...{ signer, requestor, usages, state },
        ...(expirationSeconds !== undefined && { expirationSeconds }),
        ...(whom !== undefined && { user: whom.user, groups: whom.groups }),
      },
    }
  })

const requestedBy = (name: string) =>
  name === '' ? undefined : { name, inferredFrom: 'who asked for it', certainty: 'stated' as const }
const ownerField = (owner: InventoriedIdentity['owner']) => (owner === undefined ? {} : { owner })
