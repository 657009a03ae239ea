/** What runs, or makes what runs: as which service account, with which tokens and Secrets, and with which ways to its node. */
import type { Metadata, WorkloadObject } from '../objects.ts'
import { type Entry, entriesOf, entryOf, flagOf, isEntry, numberOf, textOf } from './fields.ts'

/** Where the template of pods stands, by kind; everything else has it at `spec.template`. */
function podSpecOf({ kind, spec, template }: Entry): Entry | undefined {
  const found = {
    Pod: spec,
    PodTemplate: entryOf(template).spec,
    CronJob: entryOf(entryOf(entryOf(entryOf(spec).jobTemplate).spec).template).spec,
  }
  const other = entryOf(entryOf(spec).template).spec
  const pod = Object.hasOwn(found, String(kind)) ? found[kind as keyof typeof found] : other
  return isEntry(pod) ? pod : undefined
}

/** Whether a resource that nobody here knows makes pods all the same: Argo Rollouts, Knative services, DeploymentConfigs. */
export const hasPodTemplate = (value: Entry): boolean => Array.isArray(podSpecOf(value)?.containers)

/** @returns undefined where there is no template of a pod */
export function workloadOf(
  value: Entry,
  metadata: Metadata & { readonly namespace: string },
): WorkloadObject | undefined {
  const pod = podSpecOf(value)
  if (pod === undefined) return undefined
  const automount = flagOf(pod.automountServiceAccountToken)
  const replicas = numberOf(entryOf(value.spec).replicas)
  const nodeName = textOf(pod.nodeName)
  const volumes = entriesOf(pod.volumes)
  const containers = [pod.containers, pod.initContainers, pod.ephemeralContainers].flatMap(entriesOf)
  return {
    ...metadata,
    apiVersion: String(value.apiVersion),
    kind: String(value.kind),
    serviceAccount: textOf(pod.serviceAccountName) ?? textOf(pod.serviceAccount) ?? 'default',
    ...(automount !== undefined && { automount }),
    projectedAudiences: volumes
      .flatMap(({ projected }) => entriesOf(entryOf(projected).sources))
      .flatMap(({ serviceAccountToken: token }) => (isEntry(token) ? [textOf(token.audience) ?? ''] : [])),
    secrets: [...new Set(secretsOf(pod, volumes, containers))],
    ...(nodeName !== undefined && { nodeName }),
    hostAccess: [...new Set(hostAccessOf(pod, volumes, containers))],
    ...(replicas !== undefined && { replicas }),
  }
}

function secretsOf(pod: Entry, volumes: readonly Entry[], containers: readonly Entry[]): string[] {
  const named = [
    ...volumes.map(({ secret }) => entryOf(secret).secretName),
    ...volumes.flatMap(({ projected }) =>
      entriesOf(entryOf(projected).sources).map(({ secret }) => entryOf(secret).name),
    ),
    ...volumes.flatMap(volume =>
      Object.values(volume).flatMap(kind => {
        const { secretRef, nodePublishSecretRef } = entryOf(kind)
        return [entryOf(secretRef).name, entryOf(nodePublishSecretRef).name]
      }),
    ),
    ...containers.flatMap(({ env }) => entriesOf(env).map(one => entryOf(entryOf(one.valueFrom).secretKeyRef).name)),
    ...containers.flatMap(({ envFrom }) => entriesOf(envFrom).map(one => entryOf(one.secretRef).name)),
    ...entriesOf(pod.imagePullSecrets).map(({ name }) => name),
  ]
  return named.flatMap(name => textOf(name) ?? [])
}

function hostAccessOf(pod: Entry, volumes: readonly Entry[], containers: readonly Entry[]): string[] {
  // Windows has no privileged containers: one with hostProcess is a process of the node, and says so in the pod or in itself.
  const isHostProcess = [pod, ...containers].some(
    one => entryOf(entryOf(one.securityContext).windowsOptions).hostProcess === true,
  )
  return [
    ...(isHostProcess ? ['hostProcess'] : []),
    ...['hostNetwork', 'hostPID', 'hostIPC'].filter(field => pod[field] === true),
    ...volumes.flatMap(({ hostPath }) => (isEntry(hostPath) ? [`hostPath:${textOf(hostPath.path) ?? ''}`] : [])),
    ...containers.flatMap(container => {
      const { privileged, capabilities } = entryOf(container.securityContext)
      const { add } = entryOf(capabilities)
      return [
        ...(privileged === true ? ['privileged'] : []),
        ...(Array.isArray(add) ? add.map(name => `capability:${String(name).replace(/^CAP_/, '')}`) : []),
      ]
    }),
  ]
}
