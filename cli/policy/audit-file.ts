/** Reads decisions from an audit file, line by line: a file of any size needs no memory. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Effect } from '../../rbac/decision.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
import type { MissingFact, RecordedQuestion } from '../../rbac/replay.ts'
import type { Terminal } from '../terminal.ts'

/** A decision as it was recorded. */
export interface RecordedDecision extends RecordedQuestion {
  readonly requestId: string
  readonly effect: Effect
  readonly revision: string
  readonly rule?: string
  readonly shadow: readonly string[]
  /** Whom to name in a report. */
  readonly who: string
}

export interface AuditReading {
  /** Decisions read, those before `sinceMs` left out. */
  decisions: number
  /** Lines that are no audit event. */
  unreadable: number
}

export interface AuditChoice {
  /** Path of the audit file. */
  readonly audit: string
  /** Only decisions since then, milliseconds since the epoch. */
  readonly sinceMs?: number
}

/** An audit line is a few hundred bytes; what is longer than this is none. */
const maxLineLength = 1_048_576

/** Calls back for each decision in the file. Rejects when the file cannot be read. */
export async function readAuditFile(
  { audit, sinceMs }: AuditChoice,
  terminal: Terminal,
  onDecision: (recorded: RecordedDecision) => void,
): Promise<AuditReading> {
  const path = resolve(terminal.cwd, audit)
  const { size } = await stat(path)
  const stream = createReadStream(path)
  const progress = (): string => `${Math.floor((stream.bytesRead / Math.max(size, 1)) * 100)} % of ${audit} read`
  const reading: AuditReading = { decisions: 0, unreadable: 0 }
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    terminal.progress(progress)
    if (line === '') continue
    const event = parseEvent(line)
    if (event === undefined) reading.unreadable += 1
    const recorded = event === undefined ? undefined : parseDecision(event)
    if (recorded === undefined || recorded.context.now * 1000 < (sinceMs ?? Number.NEGATIVE_INFINITY)) continue
    reading.decisions += 1
    onDecision(recorded)
  }
  return reading
}

type Event = Readonly<Record<string, unknown>>

function parseEvent(line: string): Event | undefined {
  if (line.length > maxLineLength) return undefined
  try {
    const value: unknown = JSON.parse(line)
    const isEvent = typeof value === 'object' && value !== null && Reflect.get(value, 'v') === 1
    return isEvent && typeof Reflect.get(value, 'event') === 'string' ? (value as Event) : undefined
  } catch {
    return undefined
  }
}

const effects: Readonly<Record<string, Effect>> = {
  'access.allowed': 'allow',
  'access.challenged': 'challenge',
  'access.denied': 'deny',
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const texts = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) && value.every(item => typeof item === 'string') ? value : undefined

function parseDecision(event: Event): RecordedDecision | undefined {
  const effect = effects[String(event.event)]
  const [domain, resource, action] = [text(event.domain), text(event.resource), text(event.action)]
  const timeMs = Date.parse(String(event.time))
  if (effect === undefined || domain === undefined || resource === undefined || action === undefined) return undefined
  if (!Number.isFinite(timeMs)) return undefined
  const clientAddress = text(event.clientAddress)
  const rule = text(event.rule)
  return {
    requestId: String(event.requestId),
    effect,
    revision: String(event.revision),
    ...(rule === undefined ? {} : { rule }),
    shadow: texts(event.shadow) ?? [],
    who: text(event.email) ?? text(event.machine) ?? text(event.subject) ?? 'anonymous',
    request: { domain, resource, action, url: `https://${domain}${resource}` },
    identity: parseIdentity(event),
    context: { now: Math.floor(timeMs / 1000), ...(clientAddress === undefined ? {} : { clientAddress }) },
    missing: missingFrom(event),
  }
}

function parseIdentity(event: Event): Identity {
  const subject = text(event.subject)
  if (subject === undefined) return anonymous
  const common = { subject, provider: text(event.provider) ?? '', groups: texts(event.groups) ?? [], claims: {} }
  const [kind, name = ''] = (text(event.machine) ?? '').split(/:(.*)/s)
  if (kind === 'service-account') return { kind: 'machine', ...common, serviceAccount: name }
  if (kind === 'client') return { kind: 'machine', ...common, client: name }
  const [email, acr, amr] = [text(event.email), text(event.acr), texts(event.amr)]
  return {
    kind: 'user',
    ...common,
    ...(email === undefined ? {} : { email }),
    ...(typeof event.authTime === 'number' ? { authTime: event.authTime } : {}),
    ...(amr === undefined ? {} : { amr }),
    ...(acr === undefined ? {} : { acr }),
  }
}

/** A line without `provider` was written before these facts were: nothing is known of groups and login. */
function missingFrom(event: Event): ReadonlySet<MissingFact> {
  const missing = new Set<MissingFact>(['claims', 'headers', 'certificate'])
  if (event.subject === undefined) return missing
  if (event.provider === undefined) missing.add('login')
  if (texts(event.groups) === undefined) missing.add('groups')
  return missing
}
