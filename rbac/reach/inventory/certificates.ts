/** Certificates that the cluster issued, as far as their requests are still there; and whom they make. */
import type { CertificateRequest, ClusterObjects, OtherObject } from '../objects.ts'
import { idOf, type SubjectId, userSubject } from '../subject.ts'
import type { Credential } from './identity.ts'

/** Signers whose certificates the API server takes for somebody. Others are for servers, or for whoever runs the signer. */
const clientSigners: ReadonlySet<string> = new Set([
  'kubernetes.io/kube-apiserver-client',
  'kubernetes.io/kube-apiserver-client-kubelet',
])

export interface RequestObject extends OtherObject {
  readonly says: CertificateRequest
}

export const requestsIn = ({ others }: ClusterObjects): readonly RequestObject[] =>
  others.filter((one): one is RequestObject => one.says?.about === 'certificate-request')

/** A certificate, as a credential: the name in it, and the request that it was issued for. */
export function certificateOf({ name, says: { issued } }: RequestObject): readonly Credential[] {
  if (issued === undefined) return []
  const groups = issued.groups.map(group => `, O=${group}`).join('')
  const { notBefore: created, notAfter: expires } = issued
  return [{ kind: 'certificate', name: `CN=${issued.user}${groups} (${name})`, created, expires }]
}

interface CertificateUser {
  readonly credentials: readonly Credential[]
  readonly groups: readonly string[]
}

/** @param now seconds since the epoch: what has ended makes nobody */
export function certificateUsers(objects: ClusterObjects, now: number): ReadonlyMap<SubjectId, CertificateUser> {
  const users = new Map<SubjectId, CertificateUser>()
  for (const request of requestsIn(objects)) {
    const { issued, signer } = request.says
    if (issued === undefined || issued.user === '' || issued.notAfter <= now || !clientSigners.has(signer)) continue
    const id = idOf(userSubject(issued.user))
    const known = users.get(id) ?? { credentials: [], groups: [] }
    users.set(id, {
      credentials: [...known.credentials, ...certificateOf(request)],
      groups: [...new Set([...known.groups, ...issued.groups])],
    })
  }
  return users
}
