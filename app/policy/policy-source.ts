/** Contract of a policy source: where rows and conditions come from, and how a change is noticed. */

import type { CasbinTexts } from '../../rbac/casbin/sources.ts'

/** One text of the policy; `name` is what rule ids and problems show. */
export interface PolicyText {
  readonly name: string
  readonly text: string
  /** Whose it is, where its rows may only narrow what others allow. */
  readonly owner?: PolicyOwner
}

export interface PolicyOwner {
  /** Name of the directory. */
  readonly name: string
  readonly hosts: readonly string[]
}

/** Everything that one revision is compiled from. */
export interface PolicyTexts {
  /** Casbin model. */
  readonly model: string
  /** Rows, in order of load: a rule named by a decision is the first that applies. */
  readonly files: readonly PolicyText[]
  /** Of several directories, in order of load. */
  readonly conditions?: PolicyText | readonly PolicyText[]
  /** `*.test.yaml`, run before the policy comes into force; absent when there is none. */
  readonly tests?: readonly PolicyText[]
  /** A model of its own, with its rows; absent where none is brought. */
  readonly casbin?: CasbinTexts
}

export interface PolicySource {
  /** Reads one consistent state. Rejects with `PolicyError` when it cannot be read. */
  load(): Promise<PolicyTexts>
  /** Calls back after each change, once it has settled. Gives the function that stops it. */
  watch(onChange: () => void): () => void
  /** Lets go of what outlives a load. Never rejects. */
  close?(): Promise<void>
}
