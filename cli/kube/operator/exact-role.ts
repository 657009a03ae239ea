/** The exact role of the gateway in a cluster, from the configuration, the policy and who is logged in. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Cluster } from '../../../app/compose/cluster-access.ts'
import type { ImpersonationMode } from '../../../app/kubernetes/rights/impersonation-mode.ts'
import { namesOfPeople, peopleOf, type SummaryOfPerson } from '../../../app/kubernetes/rights/people.ts'
import { type ExactRole, exactRole } from '../../../app/kubernetes/rights/role-objects.ts'
import type { Config } from '../../../config/config.ts'
import { callAdmin, strangeAnswer } from '../../admin-call.ts'
import { loadChosenConfig } from '../../load-config.ts'
import { loadPolicy } from '../../policy/load-policy.ts'
import type { Terminal } from '../../terminal.ts'
import type { OperatorChoice } from './choice.ts'

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

function chosenCluster({ kubernetes }: Config, name: string | undefined): Cluster {
  if (kubernetes === undefined) throw new Error('the configuration has no clusters: kubernetes.clusters')
  const { clusters } = kubernetes
  const names = clusters.map(one => one.name).join(', ')
  const [only, ...others] = name === undefined ? clusters : clusters.filter(one => one.name === name)
  if (only === undefined) throw new Error(`there is no cluster ${name} in the configuration; there are: ${names}`)
  if (others.length > 0) throw new Error(`which cluster? --cluster says it; there are: ${names}`)
  return only
}

const pageSize = 200

async function sessionsOf(
  { isOffline, sessions, admin }: OperatorChoice,
  terminal: Terminal,
  signal: AbortSignal | undefined,
): Promise<readonly SummaryOfPerson[]> {
  if (isOffline) return []
  if (sessions !== undefined) return readSessions(resolve(terminal.cwd, sessions))
  const found: SummaryOfPerson[] = []
  let after = ''
  do {
    terminal.progress(() => `asking who is logged in, ${found.length} so far`)
    const path = `/sessions?all=true&limit=${pageSize}${after}`
    const answer = await callAdmin(admin, path, { ...(signal && { signal }) }).catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`who is logged in? ${reason} (--offline prints the role by the policy alone)`, { cause })
    })
    const { status, body } = answer
    if (status !== 200 || !isList(body)) throw strangeAnswer(answer)
    found.push(...body.sessions)
    after = body.next === undefined ? '' : `&after=${encodeURIComponent(body.next)}`
  } while (after !== '')
  return found
}

function readSessions(path: string): readonly SummaryOfPerson[] {
  const body: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (!isList(body)) throw new Error(`${path} is no list of sessions: sallyport sessions list --all --json prints one`)
  // Threat: the rest is taken for nobody, and a role that is applied takes their rights away.
  if (body.next !== undefined) throw new Error(`${path} is not the whole list: say --limit with a greater number`)
  return body.sessions
}

interface List {
  readonly sessions: readonly SummaryOfPerson[]
  readonly next?: string
}

const isList = (body: unknown): body is List =>
  typeof body === 'object' && body !== null && 'sessions' in body && Array.isArray(body.sessions)

/** Whom the role does not cover yet, for standard error. */
export function notCoveredText({ notCovered }: Pick<ExactRole, 'notCovered'>): string {
  if (notCovered.length === 0) return ''
  const lines = notCovered.map(
    ({ who, why, rule }) => `  ${who}${rule === undefined ? '' : ` (row ${rule})`}: ${why}\n`,
  )
  return `Not covered by this role:\n${lines.join('')}`
}
