/**
 * What the client sends on an upgraded connection, passed on a turn of the event loop after it came.
 *
 * Threat: the end of a command that is lost, its output and its exit code. Whatever is sent to an API server that has
 * closed is answered by a reset, at which the kernel throws away what came before it and was not read. So all that has
 * come from the API server is read first: the event loop reads every connection before it comes to `setImmediate`.
 */
import type { Duplex } from 'node:stream'

export interface ClientHalfOptions {
  readonly client: Duplex
  readonly upstream: Duplex
  readonly onReceived: (bytes: number) => void
  /** Asked before each write; what may not pass is dropped. */
  readonly mayPass: () => boolean
}

/** Returns how to stop it: nothing passes from then on, also nothing that has come already. */
export function passClientHalf({ client, upstream, onReceived, mayPass }: ClientHalfOptions): () => void {
  let waiting: Buffer[] = []
  let isStopped = false
  let hasEnded = false
  let isScheduled = false
  const pass = (): void => {
    isScheduled = false
    const chunks = waiting
    waiting = []
    if (isStopped || upstream.destroyed) return
    let isRoom = true
    if (mayPass()) for (const chunk of chunks) isRoom = upstream.write(chunk)
    if (hasEnded) upstream.end()
    else if (!isRoom) {
      client.pause()
      upstream.once('drain', () => client.resume())
    }
  }
  const later = (): void => {
    if (!isScheduled) setImmediate(pass)
    isScheduled = true
  }
  client.on('data', (chunk: Buffer) => {
    onReceived(chunk.length)
    if (isStopped) return
    waiting.push(chunk)
    later()
  })
  client.once('end', () => {
    hasEnded = true
    later()
  })
  return () => {
    isStopped = true
    waiting = []
    client.resume()
  }
}
