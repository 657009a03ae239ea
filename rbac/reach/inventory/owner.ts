/** Whose an identity is. Kubernetes has no field for it, so the first of these that says something counts. */
import type { Metadata } from '../objects.ts'
import type { Owner } from './identity.ts'
import { managerIn } from './managers.ts'

interface Signal {
  readonly key: string
  readonly of: 'annotations' | 'labels'
  readonly name: (value: string) => string
}

const same = (value: string): string => value

/** The surest first: what somebody wrote for this, then what put it there. */
const signals: readonly Signal[] = [
  { key: 'sallyport.dev/owner', of: 'annotations', name: same },
  { key: 'app.kubernetes.io/managed-by', of: 'labels', name: same },
  { key: 'meta.helm.sh/release-name', of: 'annotations', name: value => `Helm release ${value}` },
  {
    key: 'argocd.argoproj.io/tracking-id',
    of: 'annotations',
    name: value => `Argo CD ${value.split(':')[0] ?? value}`,
  },
  { key: 'argocd.argoproj.io/instance', of: 'labels', name: value => `Argo CD ${value}` },
  { key: 'kustomize.toolkit.fluxcd.io/name', of: 'labels', name: value => `Flux ${value}` },
]

const ofNamespaces: readonly Signal[] = ['sallyport.dev/owner', 'owner', 'team'].flatMap(key =>
  (['annotations', 'labels'] as const).map(of => ({ key, of, name: same })),
)

type Marked = Pick<Metadata, 'annotations' | 'labels' | 'owner' | 'managers'>

export const kubernetes = (inferredFrom: string): Owner => ({ name: 'Kubernetes', inferredFrom, certainty: 'likely' })

/** Who wrote it with which program is nobody to ask: a guess is shown, and something is still to be said. */
export const hasNoOwner = ({ owner }: { readonly owner?: Owner | undefined }): boolean =>
  owner === undefined || owner.certainty === 'guess'

/** @param namespace the namespace that it is in, where that was read */
export function ownerOf(object: Marked, namespace: Marked | undefined): Owner | undefined {
  // A release says more than that Helm made it.
  const found = firstOf(signals, object)
  const release = firstOf(signals.slice(2), object)
  if (found?.inferredFrom.endsWith('managed-by') && release !== undefined) return release
  if (found !== undefined) return found
  if (object.owner !== undefined) return { name: object.owner, inferredFrom: 'ownerReferences', certainty: 'likely' }
  const above = namespace === undefined ? undefined : firstOf(ofNamespaces, namespace)
  if (above !== undefined)
    return { ...above, inferredFrom: `${above.inferredFrom} of the namespace`, certainty: 'likely' }
  const written = managerIn(object.managers ?? [])
  if (written === undefined) return undefined
  return { name: written.name, inferredFrom: `managedFields manager ${written.manager}`, certainty: 'guess' }
}

function firstOf(all: readonly Signal[], object: Marked): Owner | undefined {
  for (const { key, of, name } of all) {
    const value = object[of][key]
    if (value === undefined || value === '') continue
    const certainty = key === 'sallyport.dev/owner' ? 'stated' : 'likely'
    return { name: name(value), inferredFrom: `${of.slice(0, -1)} ${key}`, certainty }
  }
  return undefined
}
