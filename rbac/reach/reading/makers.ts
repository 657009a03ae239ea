/** Makes the object of each kind that is read. */
import type { Metadata } from '../objects.ts'
import { expirationOf } from './bootstrap-token.ts'
import { type Entry, entriesOf, InvalidObject, type Notes, textOf } from './fields.ts'
import type { Reader } from './kinds.ts'
import { bindingOf, roleOf } from './rbac-objects.ts'
import { saidBy } from './said.ts'
import { workloadOf } from './workloads.ts'

export type Made = { [Kind in Reader]: ReturnType<(typeof makers)[Kind]> }

interface Making {
  readonly metadata: Metadata
  readonly notes: Notes
}

const inNamespace = (metadata: Metadata): Metadata & { readonly namespace: string } => ({
  ...metadata,
  namespace: metadata.namespace ?? '',
})

const makers = {
  role: (value: Entry, { metadata, notes }: Making) => roleOf(value, metadata, notes),
  binding: (value: Entry, { metadata, notes }: Making) => bindingOf(value, metadata, notes),
  account: (value: Entry, { metadata }: Making) => {
    const automount = value.automountServiceAccountToken
    return {
      ...inNamespace(metadata),
      ...(typeof automount === 'boolean' && { automount }),
      secrets: entriesOf(value.secrets).flatMap(({ name }) => textOf(name) ?? []),
    }
  },
  workload: (value: Entry, { metadata }: Making) => {
    const workload = workloadOf(value, inNamespace(metadata))
    if (workload === undefined) throw new InvalidObject('it has no template of a pod')
    return workload
  },
  secret: (value: Entry, { metadata }: Making) => ({
    ...inNamespace(metadata),
    type: textOf(value.type) ?? 'Opaque',
    ...expirationOf(value),
  }),
  namespace: (_: Entry, { metadata }: Making) => metadata,
  node: (_: Entry, { metadata }: Making) => metadata,
  other: (value: Entry, { metadata }: Making) => {
    const says = saidBy(value)
    return {
      ...metadata,
      apiVersion: String(value.apiVersion),
      kind: String(value.kind),
      ...(says !== undefined && { says }),
    }
  },
}

/** Throws `InvalidObject`. */
export const made = (reader: Reader, value: Entry, making: Making): Made[Reader] => makers[reader](value, making)
