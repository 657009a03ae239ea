/**
 * The audit events within what clouds and log collectors make of them. Each of these is opened until an event of audit.k8s.io
 * comes out, or it is handed on as it is, so that nothing that was in a log goes uncounted.
 *
 * - EKS (CloudWatch): `aws logs filter-log-events` and `get-log-events` (`events[].message`), Insights (`@message`), subscriptions
 *   and Firehose (`logEvents[].message`);
 * - AKS (diagnostic settings): `records[].properties.log`, `log_s` of Log Analytics, and the columns of its table AKSAudit;
 * - GKE (Cloud Logging): `protoPayload` of an AuditLog, see google.ts;
 * - an API server's own: an Event, an EventList (webhook), a List.
 */
import { googleEvent } from './google.ts'

type Fields = Readonly<Record<string, unknown>>

/** Deep enough for all of them, and an end for what refers to itself. */
const deepest = 6

/** Each event, or what could not be opened. @param value parsed JSON */
export function* eventsIn(value: unknown, depth = 0): Generator<unknown> {
  if (depth > deepest) yield value
  else if (Array.isArray(value)) for (const item of value) yield* eventsIn(item, depth + 1)
  else if (typeof value === 'string') yield* eventsInText(value, depth)
  else if (isFields(value)) yield* eventsInFields(value, depth)
  else yield value
}

function* eventsInText(text: string, depth: number): Generator<unknown> {
  const parsed = parseJson(text)
  if (isFields(parsed)) yield* eventsIn(parsed, depth + 1)
  // Collectors put other lines of the API server beside its audit events; a health probe of a subscription is one as well.
  else yield text
}

function* eventsInFields(fields: Fields, depth: number): Generator<unknown> {
  if (fields.stage !== undefined && fields.auditID !== undefined) {
    yield fields
    return
  }
  const list = lists.map(name => fields[name]).find(Array.isArray)
  if (list !== undefined) {
    yield* eventsIn(list, depth + 1)
    return
  }
  const inner = wrappedIn(fields)
  if (inner !== undefined) yield* eventsIn(inner, depth + 1)
  else yield tableEvent(fields) ?? googleEvent(fields) ?? fields
}

/** `records` of Azure, `logEvents` and `events` of CloudWatch, `items` of Kubernetes, `entries` of Cloud Logging's API. */
const lists = ['records', 'logEvents', 'events', 'items', 'entries', 'results']

function wrappedIn(fields: Fields): unknown {
  const { properties, message, log_s: column } = fields
  if (isFields(properties) && properties.log !== undefined) return properties.log
  if (fields['@message'] !== undefined) return fields['@message']
  if (column !== undefined) return column
  // Collectors on a node (fluent bit, vector) keep the line under one of these.
  if (typeof message === 'string' || isFields(message)) return message
  return typeof fields.log === 'string' ? fields.log : undefined
}

/** A row of the Log Analytics table AKSAudit or AKSAuditAdmin. Dynamic columns come as JSON texts or as objects. */
function tableEvent(row: Fields): Fields | undefined {
  if (row.AuditId === undefined || row.Stage === undefined) return undefined
  const dynamic = (column: unknown): unknown => (typeof column === 'string' ? parseJson(column) : column)
  return {
    auditID: row.AuditId,
    stage: row.Stage,
    verb: row.Verb,
    requestURI: row.RequestUri,
    user: dynamic(row.User),
    ...(isSomething(row.ImpersonatedUser) && { impersonatedUser: dynamic(row.ImpersonatedUser) }),
    ...(isSomething(row.ObjectRef) && { objectRef: dynamic(row.ObjectRef) }),
    responseStatus: dynamic(row.ResponseStatus),
    annotations: dynamic(row.Annotations),
    requestReceivedTimestamp: row.RequestReceivedTime,
    stageTimestamp: row.StageReceivedTime,
  }
}

const isSomething = (column: unknown): boolean => column !== undefined && column !== null && column !== ''

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
