/** Connections on their way from the primary to a worker. */
import type { Worker } from 'node:cluster'

/** What Node's cluster module sends with a connection, and what a worker answers. Neither is documented. */
interface ClusterMessage {
  readonly act?: string
  readonly seq?: number
  readonly ack?: number
}

interface Closable {
  readonly close: () => void
}

/**
 * Node deals a connection out by a message, and keeps its own end until the worker has answered; of one that is killed before, it
 * hears nothing, and forgets the connection without closing it (20 and 24): the client would wait for its own time limit, and the
 * descriptor would never come back.
 * @returns closes what the worker has not taken over. For when it has ended: nothing is heard of it any more, and as it answers
 *   before it reads, it has read nothing of these
 */
export function watchDealtConnections({ process: worker }: Worker): () => void {
  const dealt = new Map<number, Closable>()
  const send = worker.send.bind(worker) as (...parts: unknown[]) => boolean
  worker.send = (...parts: unknown[]): boolean => {
    const [{ act, seq } = {}, connection] = parts as [ClusterMessage?, Closable?]
    if (act === 'newconn' && seq !== undefined && connection !== undefined) dealt.set(seq, connection)
    return send(...parts)
  }
  worker.on('internalMessage', ({ ack }: ClusterMessage) => {
    if (ack !== undefined) dealt.delete(ack)
  })
  return () => {
    for (const connection of dealt.values()) connection.close()
    dealt.clear()
  }
}
