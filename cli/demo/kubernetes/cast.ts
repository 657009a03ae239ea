/** Who and what takes part in the story. */
import type { JoinedCall } from './joined-logs.ts'
import type { Machine } from './machine.ts'
import type { KubernetesStack } from './stack.ts'

export interface Cast {
  readonly stack: KubernetesStack
  readonly alice: Machine
  readonly bob: Machine
  /** Both logs as they are now. */
  readonly calls: () => readonly JoinedCall[]
}
