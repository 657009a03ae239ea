/** The exact role of the gateway in a cluster, from the configuration, the policy and who is logged in. */
import type { Cluster } from '../../../app/compose/clusters/cluster-access.ts'
import type { ImpersonationMode } from '../../../app/kubernetes/rights/impersonation-mode.ts'
import { namesOfPeople, peopleOf } from '../../../app/kubernetes/rights/people.ts'
import { type ExactRole, exactRole } from '../../../app/kubernetes/rights/role-objects.ts'
import type { Config } from '../../../config/config.ts'
import { loadChosenConfig } from '../../load-config.ts'
import { loadPolicy } from '../../policy/load-policy.ts'
import type { Terminal } from '../../terminal.ts'
import type { OperatorChoice } from './choice.ts'
import { chosenCluster, sessionsOf } from './logged-in.ts'

export interface RoleOfCluster {
  readonly config: Config
  readonly cluster: Cluster
  readonly mode: ImpersonationMode
  readonly role: ExactRole
}

/** Rejects with `ConfigError`, `PolicyError`, or what is wrong in a sentence. `signal`: the service is not waited for. */
export async function exactRoleOf(
  choice: OperatorChoice,
  terminal: Terminal,
  signal?: AbortSignal,
): Promise<RoleOfCluster> {
  const named = choice.config === undefined ? {} : { config: choice.config }
  const { config } = loadChosenConfig({ ...named, allowInsecure: new Set<never>() }, terminal)
  const cluster = chosenCluster(config, choice.cluster)
  const { snapshot: policy } = await loadPolicy(named, terminal)
  const people = peopleOf(await sessionsOf(choice, terminal, signal))
  const mode = choice.mode ?? cluster.impersonation
  const options = { cluster: cluster.name, mode, holder: choice.holder }
  return { config, cluster, mode, role: exactRole(options, { names: namesOfPeople(cluster), policy, people }) }
}

/** Whom the role does not cover yet, for standard error. */
export function notCoveredText({ notCovered }: Pick<ExactRole, 'notCovered'>): string {
  if (notCovered.length === 0) return ''
  const lines = notCovered.map(
    ({ who, why, rule }) => `  ${who}${rule === undefined ? '' : ` (row ${rule})`}: ${why}\n`,
  )
  return `Not covered by this role:\n${lines.join('')}`
}
