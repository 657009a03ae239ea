/** Receives audit events until somebody ends it, and says what came and what did not. */
import { once } from 'node:events'
import { openKeeper } from '../../../../app/kubernetes/audit/receiving/kept-events.ts'
import { type ReceivedCounts, startReceiver } from '../../../../app/kubernetes/audit/receiving/receiver.ts'
import { readAuditEvent } from '../../../../rbac/reach/usage/audited-call.ts'
import { createRecentKeys } from '../../../../rbac/reach/usage/recent-keys.ts'
import type { UsageCollector } from '../../../../rbac/reach/usage/usage.ts'
import type { Terminal } from '../../../terminal.ts'
import { wrapped } from '../wrapped.ts'
import type { ListenPlan } from './listen-options.ts'

export interface Received extends ReceivedCounts {
  readonly address: string
  /** Absent: in memory alone. */
  readonly folder?: string
}

const rememberedEvents = 200_000

/** Resolves with what came when it is interrupted, or its time is over. Rejects where it cannot listen or keep. */
export async function receiveEvents(
  plan: ListenPlan,
  collector: UsageCollector,
  terminal: Terminal,
): Promise<Received> {
  const { address, sender, tls, folder, mostKept: mostInFolder } = plan
  const keeper = folder === undefined ? undefined : await openKeeper({ folder, startedAt: new Date(), mostInFolder })
  const keys = createRecentKeys(rememberedEvents)
  try {
    const receiver = await startReceiver({
      ...address,
      sender,
      ...(tls !== undefined && { tls }),
      keep: async lines => keeper?.append(lines),
      seen: keys,
      onEvent: event => {
        collector.add(readAuditEvent(event))
        terminal.progress(() => `${receiver.counts().events} events received`)
      },
      onError: sayOnce(terminal),
    })
    terminal.writeError(startText(receiver.address, plan))
    await untilEnded(plan.seconds)
    await receiver.close()
    return { address: receiver.address, ...receiver.counts(), ...(folder !== undefined && { folder }) }
  } finally {
    await keeper?.close()
  }
}

/** A sender that comes again and again with the same batch is told of once. */
function sayOnce(terminal: Terminal): (error: unknown) => void {
  let said = ''
  return error => {
    const text = `A batch was not kept: ${error instanceof Error ? error.message : error}\n`
    if (text !== said) terminal.writeError(text)
    said = text
  }
}

const senders = {
  certificate: 'From whoever has a certificate with one of the names.',
  token: 'From whoever has the token.',
  nobody: 'From anybody on this machine: nobody has to show who he is.',
} as const

const startText = (address: string, { sender, folder, seconds }: ListenPlan): string =>
  [
    `Listening at ${address} ${seconds === undefined ? 'until it is interrupted' : `for ${seconds} seconds`}.`,
    senders[sender.by],
    ...(folder === undefined ? ['Kept in memory alone: --keep would let it survive.'] : []),
    '\n',
  ].join(' ')

/** A second signal ends it at once. */
async function untilEnded(seconds: number | undefined): Promise<void> {
  const ending = new AbortController()
  const { signal } = ending
  const waits = ['SIGINT', 'SIGTERM'].map(name => once(process, name, { signal }))
  let timer: NodeJS.Timeout | undefined
  if (seconds !== undefined)
    waits.push(
      new Promise(resolve => {
        timer = setTimeout(() => resolve([]), Math.min(seconds * 1000, 2 ** 31 - 1))
      }),
    )
  try {
    await Promise.race(waits)
  } finally {
    clearTimeout(timer)
    for (const wait of waits) wait.catch(() => undefined)
    ending.abort()
  }
}

/** Everything that came, and everything that was not taken. */
export function receivedText({ address, folder, batches, events, repeated, refused, putOff }: Received): string {
  const where = folder === undefined ? 'in memory' : `in ${folder}`
  const reasons = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([reason, count]) => `${count} (${reason})`)
      .join(', ')
  const sentences = [
    `Received at ${address}: ${events} events in ${batches} batches, kept ${where}${repeated === 0 ? '' : `; ${repeated} came again, and count once`}.`,
    ...(Object.keys(refused).length === 0 ? [] : [`Not taken, and not in this answer: ${reasons(refused)}.`]),
    ...(Object.keys(putOff).length === 0
      ? []
      : [`Put off, and lost unless the API server sent them again: ${reasons(putOff)}.`]),
    'What the API server could not send is in none of these counts: its own metric is apiserver_audit_error_total.',
  ]
  return sentences.map(sentence => wrapped(sentence, { first: '', rest: '  ' })).join('')
}
