/**
 * Sends one request over and over on keep-alive connections, each waiting for its answer (a closed loop), and says how
 * many were answered and how long each took.
 *
 * It reads just enough of HTTP to be cheap: a status line, `Content-Length`, the end of the head. An answer of another
 * kind ends the run: a fast error must never look like a fast success.
 */
import { connect, type Socket } from 'node:net'

export interface LoadJob {
  readonly port: number
  /** The bytes of one request. */
  readonly request: string
  readonly expectedStatus: number
  readonly connections: number
  readonly seconds: number
}

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  /** Milliseconds at the given share of all answers. */
  readonly p50Ms: number
  readonly p99Ms: number
}

export function runLoadGenerator(): void {
  process.on('message', (job: LoadJob) => {
    runJob(job).then(
      result => process.send?.({ result }),
      (error: Error) => process.send?.({ error: error.message }),
    )
  })
  process.send?.({})
}

export async function runJob(job: LoadJob): Promise<LoadResult> {
  const latencies: number[] = []
  const started = performance.now()
  const until = started + job.seconds * 1_000
  await Promise.all(Array.from({ length: job.connections }, () => runConnection(job, until, latencies)))
  const seconds = (performance.now() - started) / 1_000
  latencies.sort((left, right) => left - right)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN
  return { requests: latencies.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99) }
}

function runConnection(job: LoadJob, until: number, latencies: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = Buffer.from(job.request, 'latin1')
    const socket: Socket = connect(job.port, '127.0.0.1')
    let received = ''
    let sentAt = 0
    const send = (): void => {
      sentAt = performance.now()
      socket.write(request)
    }
    socket.setNoDelay(true).setEncoding('latin1')
    socket.once('connect', send)
    socket.on('data', (chunk: string) => {
      received += chunk
      const length = answerLength(received)
      if (length === undefined || received.length < length) return
      const now = performance.now()
      if (received.length !== length || !received.startsWith(`HTTP/1.1 ${job.expectedStatus} `)) {
        socket.destroy(new Error(`expected ${job.expectedStatus}, got: ${received.slice(0, 300)}`))
        return
      }
      received = ''
      latencies.push(now - sentAt)
      if (now < until) send()
      else socket.end(resolve)
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the server closed the connection')))
  })
}

/** Length of the whole answer once its head is there. NaN, which no answer has, when the head does not say. */
function answerLength(received: string): number | undefined {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [, digits] = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, headEnd)) ?? []
  return headEnd + 4 + Number(digits)
}
