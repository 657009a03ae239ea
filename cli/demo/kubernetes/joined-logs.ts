/** Two logs of one call: ours has it as `requestId`, that of the cluster as `auditID`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import colors from 'picocolors'
import type { AuditEvent as ClusterEvent } from '../cluster/audit-log.ts'

/** What is read of our own events (docs/reference/audit-events.md). */
export interface OwnEvent {
  readonly event: string
  readonly time: string
  readonly requestId?: string
  readonly front?: string
  readonly email?: string
  readonly subject?: string
  readonly session?: string
  readonly action?: string
  readonly resource?: string
  readonly rule?: string
  readonly code?: string
  readonly status?: number
  readonly ending?: string
  readonly durationMilliseconds?: number
}

export interface JoinedCall {
  readonly requestId: string
  /** `access.allowed`, `access.denied`, `access.challenged` or `access.refused`. */
  readonly decision: OwnEvent
  /** `call.finished`, once it is over. */
  readonly end?: OwnEvent
  /** Absent where the call did not reach the cluster. */
  readonly cluster?: ClusterEvent
}

/** In the order of our log. Lines that are not whole yet are left out. */
export function joinLogs(own: string, clusters: string): readonly JoinedCall[] {
  const events = linesOf<OwnEvent>(own)
  const ends = new Map(events.filter(({ event }) => event === 'call.finished').map(event => [event.requestId, event]))
  // Of a stream there are two, its begin and its end: the later one counts.
  const answers = new Map(linesOf<ClusterEvent>(clusters).map(event => [event.auditID, event]))
  return events.flatMap(decision => {
    const { requestId } = decision
    if (decision.front !== 'kubernetes' || !decision.event.startsWith('access.') || requestId === undefined) return []
    const [end, cluster] = [ends.get(requestId), answers.get(requestId)]
    return [{ requestId, decision, ...(end !== undefined && { end }), ...(cluster !== undefined && { cluster }) }]
  })
}

function linesOf<T>(text: string): readonly T[] {
  return text.split('\n').flatMap(line => {
    try {
      return [JSON.parse(line) as T]
    } catch {
      return []
    }
  })
}

/** What kubectl asks for before anything else; it tells nothing of what somebody did. */
export const isDiscovery = ({ decision }: JoinedCall): boolean =>
  decision.resource?.startsWith('/nonResourceURLs/') === true

type Colors = ReturnType<typeof colors.createColors>

/** Three lines for a call: what we decided, what the cluster wrote, and what both call it. */
export function callText({ requestId, decision, end, cluster }: JoinedCall, paint: Colors = colors): string {
  const { event, time, email, subject, action = '', resource = '', rule, code } = decision
  const verdict = event.replace('access.', '')
  const why = rule === undefined ? code : `row ${rule}`
  const ours = [
    email ?? subject ?? 'nobody',
    verdict,
    `${action} ${resource}`.trim(),
    why === undefined ? '' : `(${why})`,
  ]
  const cut = end?.ending === 'cut' ? `, cut after ${seconds(end.durationMilliseconds)}` : ''
  const tint = verdict === 'allowed' ? paint.green : paint.red
  return [
    `${time.slice(11, 19)}  sallyport  ${tint(ours.filter(part => part !== '').join(' '))}${cut}`,
    `          cluster    ${cluster === undefined ? 'never saw it' : clusterText(cluster)}`,
    `          ${paint.dim(requestId)}`,
  ].join('\n')
}

function clusterText({ user, impersonatedUser, verb, requestURI, responseStatus }: ClusterEvent): string {
  const { username = '', groups = [] } = impersonatedUser ?? {}
  const path = requestURI.split('?', 1)[0]
  return `${user.username} as ${username} (${groups.join(', ')}) ${verb} ${path} ${responseStatus?.code ?? ''}`.trimEnd()
}

const seconds = (milliseconds = 0): string => `${(milliseconds / 1000).toFixed(1)} s`

export interface LogsChoice {
  /** Of a demo that runs. */
  readonly directory: string
  /** Also what kubectl asks for by itself. */
  readonly all?: boolean
  readonly json?: boolean
}

/** Prints both logs of a demo, joined; the exit code. */
export function runDemoLogs({ directory, all = false, json = false }: LogsChoice): number {
  const calls = joinLogs(
    readFileSync(join(directory, 'sallyport-audit.jsonl'), 'utf8'),
    readFileSync(join(directory, 'cluster-audit.jsonl'), 'utf8'),
  )
  const shown = all ? calls : calls.filter(call => !isDiscovery(call))
  if (json) {
    console.log(JSON.stringify(shown))
    return 0
  }
  for (const call of shown) console.log(`${callText(call)}\n`)
  const hidden = calls.length - shown.length
  if (calls.length === 0) console.log('Nobody has called the cluster yet.')
  if (hidden > 0) console.log(colors.dim(`Left out: ${hidden} questions of kubectl about the API (--all shows them).`))
  return 0
}
