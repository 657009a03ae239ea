/** A real API server with the shared dump in it, and whoever asks it what somebody may do. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { AccessQuestion } from '../../rbac/reach/grant.ts'
import type { Asker } from '../../rbac/reach/subject.ts'
import type { RunningCluster } from '../kubernetes/cluster.ts'
import { sharedData } from './shared-data.ts'

const dumpFolder = sharedData('k8s/cluster-dump') ?? ''

/** False where it is not there: it is data of others, and no peer that could be installed. */
export const hasDump = dumpFolder !== ''

/** Namespaces first; everything else by server-side apply. The workloads lack fields that the server wants. */
export async function loadDump(cluster: RunningCluster): Promise<void> {
  const files = readdirSync(dumpFolder).filter(name => name.endsWith('.json') && name !== 'workloads.json')
  for (const name of ['namespaces.json', ...files.filter(one => one !== 'namespaces.json')]) {
    const args = ['apply', '--server-side', '--force-conflicts', '-f', join(dumpFolder, name)]
    const { code, stderr } = await cluster.kubectl({ version: '1.37', args })
    if (code !== 0) throw new Error(`${name}: ${stderr}`)
  }
}

/** As they were written and as they come back: the controller of aggregated roles has been there. */
export const rolesOf = async (cluster: RunningCluster) => {
  const { items } = (await cluster.api.call('GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles')) as {
    readonly items: readonly {
      readonly metadata: { readonly name: string }
      readonly rules: readonly object[] | null
      readonly aggregationRule?: object
    }[]
  }
  return items
}

/** What a SubjectAccessReview answers, in the words of the authorizer. */
export async function ask(cluster: RunningCluster, { id, groups }: Asker, question: AccessQuestion): Promise<boolean> {
  const user = id.startsWith('service-account:')
    ? `system:serviceaccount:${id.slice('service-account:'.length).replace('/', ':')}`
    : id.startsWith('user:')
      ? id.slice('user:'.length)
      : ''
  const attributes =
    'path' in question
      ? { nonResourceAttributes: { verb: question.verb, path: question.path } }
      : { resourceAttributes: question }
  const { status } = (await cluster.api.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { ...(user !== '' && { user }), groups, ...attributes },
  })) as { readonly status: { readonly allowed: boolean } }
  return status.allowed
}
