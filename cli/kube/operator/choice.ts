/** What `kube render` and `kube reconcile` are told. */
import type { ImpersonationMode } from '../../../app/kubernetes/rights/impersonation-mode.ts'
import type { RoleHolder } from '../../../app/kubernetes/rights/role-objects.ts'

export type Part = 'all' | 'role'

/** What both commands are told. */
export interface OperatorChoice {
  readonly config?: string
  readonly cluster?: string
  readonly mode?: ImpersonationMode
  readonly holder: RoleHolder
  readonly admin?: string
  /** A file as `sallyport sessions list --all --json` writes it. */
  readonly sessions?: string
  readonly isOffline: boolean
  readonly json: boolean
}

export interface RenderChoice extends OperatorChoice {
  readonly only: Part
}

export interface ReconcileChoice extends OperatorChoice {
  readonly isDryRun: boolean
  /** Absent: once. In seconds. */
  readonly everySeconds?: number
  readonly kubeconfig?: string
  readonly context?: string
}
