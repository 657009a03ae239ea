/** Who is logged in, as a running service or a file says, and in which cluster their names are to count. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Cluster } from '../../../app/compose/clusters/cluster-access.ts'
import type { SummaryOfPerson } from '../../../app/kubernetes/rights/people.ts'
import type { Config } from '../../../config/config.ts'
import { callAdmin, strangeAnswer } from '../../admin/call.ts'
import type { Terminal } from '../../terminal.ts'
import type { OperatorChoice } from './choice.ts'

/** Throws a sentence where there is none, or several and none is named. */
export function chosenCluster({ kubernetes }: Config, name: string | undefined): Cluster {
  if (kubernetes === undefined) throw new Error('the configuration has no clusters: kubernetes.clusters')
  const { clusters } = kubernetes
  const names = clusters.map(one => one.name).join(', ')
  const [only, ...others] = name === undefined ? clusters : clusters.filter(one => one.name === name)
  if (only === undefined) throw new Error(`there is no cluster ${name} in the configuration; there are: ${names}`)
  if (others.length > 0) throw new Error(`which cluster? --cluster says it; there are: ${names}`)
  return only
}

const pageSize = 200

/** Rejects with a sentence where the service does not say. */
export async function sessionsOf(
  { isOffline, sessions, ...values }: Pick<OperatorChoice, 'isOffline' | 'sessions' | 'admin' | 'config'>,
  terminal: Terminal,
  signal?: AbortSignal,
): Promise<readonly SummaryOfPerson[]> {
  if (isOffline) return []
  if (sessions !== undefined) return readSessions(resolve(terminal.cwd, sessions))
  // It knows the schema, which a credential plugin does not pay for.
  const { adminPlace } = await import('../../admin/place.ts')
  const admin = adminPlace(values, terminal)
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
