/** What an API server's audit webhook posts: an EventList of audit.k8s.io/v1, as JSON. */
type Fields = Readonly<Record<string, unknown>>

export interface ReceivedEvent {
  readonly event: unknown
  /**
   * The same when a batch is sent again. Threat: the API server takes `Audit-ID` from the request as it is, so whoever sends the same
   * one each time would hide all of his calls but the first behind it; times and target are part of it.
   */
  readonly key: string
  /** As it is kept. */
  readonly line: string
}

/** @returns undefined for what is no such list */
export function readEventList(body: string): readonly ReceivedEvent[] | undefined {
  let list: unknown
  try {
    list = JSON.parse(body)
  } catch {
    return undefined
  }
  if (!isFields(list) || list.kind !== 'EventList' || list.apiVersion !== 'audit.k8s.io/v1') return undefined
  const { items } = list
  return Array.isArray(items) ? items.map(receivedEvent) : undefined
}

function receivedEvent(item: unknown): ReceivedEvent {
  const event = isFields(item) ? withoutBodies(item) : item
  const line = JSON.stringify(event)
  return { event, line, key: keyOf(event) ?? line }
}

/** Bodies hold Secrets, and say nothing of rights: they are never kept. */
function withoutBodies({ requestObject: _, responseObject: __, ...event }: Fields): Fields {
  return { kind: 'Event', apiVersion: 'audit.k8s.io/v1', ...event }
}

function keyOf(event: unknown): string | undefined {
  if (!isFields(event)) return undefined
  const { auditID, stage, stageTimestamp, requestReceivedTimestamp, verb, requestURI } = event
  return JSON.stringify([auditID, stage, stageTimestamp, requestReceivedTimestamp, verb, requestURI])
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
