/** Whose an identity is. Kubernetes has no field for it, so the first of these that says something counts. */
import type { Metadata } from '../objects.ts'
import type { Owner } from './identity.ts'

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

type Marked = Pick<Metadata, 'annotations' | 'labels' | 'owner'>

/** @param namespace the namespace that it is in, where that was read */
export function ownerOf(object: Marked, namespace: Marked | undefined): Owner | undefined {
  // A release says more than that Helm made it.
  const found = firstOf(signals, object)
  const release = firstOf(signals.slice(2), object)
  if (found?.inferredFrom.endsWith('managed-by') && release !== undefined) return release
  if (found !== undefined) return found
  if (object.owner !== undefined) return { name: object.owner, inferredFrom: 'ownerReferences' }
  const above = namespace === undefined ? undefined : firstOf(ofNamespaces, namespace)
  return above === undefined ? undefined : { ...above, inferredFrom: `${above.inferredFrom} of the namespace` }
}

function firstOf(all: readonly Signal[], object: Marked): Owner | undefined {
  for (const { key, of, name } of all) {
    const value = object[of][key]
    if (value !== undefined && value !== '') return { name: name(value), inferredFrom: `${of.slice(0, -1)} ${key}` }
  }
  return undefined
}
