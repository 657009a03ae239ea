/**
 * Sends requests over keep-alive connections and says how many were answered and how long each took.
 *
 * Closed loop: each connection waits for its answer before it sends again, which finds the most that a server can do.
 * Open loop (`ratePerSecond`): requests are due at fixed times, and their latency counts from when they were due. A
 * server that stops for a second cannot hide the requests that should have been sent meanwhile (coordinated omission).
 *
 * An answer of another status ends the run: a fast error must never look like a fast success.
 */
import { constants, setPriority } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ownNumber } from './browser-request.ts'
import { type Connection, type ConnectionEvents, openConnection } from './http-connection.ts'
import { createLatencies, type Latencies } from './latencies.ts'

export interface LoadJob {
  readonly port: number
  /** The bytes of one request, or of several that take turns; `ownNumber` in one is another number each time. */
  readonly requests: readonly string[]
  readonly expectedStatus: number
  readonly connections: number
  readonly seconds: number
  /** Arrivals per second; absent: a closed loop. */
  readonly ratePerSecond?: number
}

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  /** Milliseconds at the given share of all answers. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly longestMs: number
}

/** A server that is behind by so much will not catch up with an open loop. */
const longestLateMs = 30_000

export function runLoadGenerator(): void {
  // Redis shares this core: a generator that never sleeps would keep it waiting for its turn, tens of milliseconds at times.
  setPriority(constants.priority.PRIORITY_LOW)
  process.on('message', (job: LoadJob) => {
    runJob(job).then(
      result => process.send?.({ result }),
      (error: Error) => process.send?.({ error: error.message }),
    )
  })
  process.send?.({})
}

export async function runJob(job: LoadJob): Promise<LoadResult> {
  const latencies = createLatencies()
  const started = performance.now()
  await (job.ratePerSecond === undefined
    ? runClosedLoop(job, latencies)
    : runOpenLoop(job, job.ratePerSecond, latencies))
  return {
    requests: latencies.count(),
    seconds: (performance.now() - started) / 1_000,
    p50Ms: latencies.at(0.5),
    p99Ms: latencies.at(0.99),
    p999Ms: latencies.at(0.999),
    longestMs: latencies.longestMs(),
  }
}

async function runClosedLoop(job: LoadJob, latencies: Latencies): Promise<void> {
  const next = createTurns(job.requests)
  const until = performance.now() + job.seconds * 1_000
  const runConnection = (): Promise<void> =>
    new Promise((resolve, reject) => {
      let sentAt = 0
      const send = (connection: Connection): void => {
        sentAt = performance.now()
        connection.send(next())
      }
      const onAnswer = expecting(job.expectedStatus, reject, connection => {
        const now = performance.now()
        latencies.record(now - sentAt)
        if (now < until) return send(connection)
        connection.close()
        resolve()
      })
      openConnection(job.port, { onAnswer, onError: reject }).then(send, reject)
    })
  const stopSpinning = spin()
  try {
    await Promise.all(Array.from({ length: job.connections }, runConnection))
  } finally {
    stopSpinning()
  }
}

/**
 * Keeps the generator's core awake. A generator that sleeps between two answers has to be woken by the server's write, at
 * several microseconds of the server's time in a virtual machine; the slower the server, the more often. The yardstick
 * would be spared what all others pay.
 */
function spin(): () => void {
  let isStopped = false
  const turn = (): void => {
    if (!isStopped) setImmediate(turn)
  }
  turn()
  return () => {
    isStopped = true
  }
}

async function runOpenLoop(job: LoadJob, ratePerSecond: number, latencies: Latencies): Promise<void> {
  const next = createTurns(job.requests)
  const total = Math.max(1, Math.floor(ratePerSecond * job.seconds))
  const dueOf = new Map<Connection, number>()
  let failure: Error | undefined
  const fail = (error: Error): void => {
    failure ??= error
  }
  const onAnswer = expecting(job.expectedStatus, fail, connection => {
    latencies.record(performance.now() - (dueOf.get(connection) ?? Number.NaN))
    idle.push(connection)
  })
  const open = (): Promise<Connection> => openConnection(job.port, { onAnswer, onError: fail })
  const connections = await Promise.all(Array.from({ length: job.connections }, open))
  const idle = [...connections]
  const started = performance.now()
  let sent = 0
  const sendDue = (now: number): void => {
    while (sent < total) {
      const due = started + (sent * 1_000) / ratePerSecond
      const connection = due <= now ? idle.pop() : undefined
      if (connection === undefined) return
      dueOf.set(connection, due)
      connection.send(next())
      sent += 1
    }
  }
  try {
    while (latencies.count() < total) {
      if (failure !== undefined) throw failure
      const now = performance.now()
      if (now - started > job.seconds * 1_000 + longestLateMs)
        throw new Error(`${ratePerSecond.toFixed(0)}/s is too many`)
      sendDue(now)
      // A timer is late by up to a millisecond, which would be measured: the generator has a core of its own to spin on.
      await nextTurn()
    }
  } finally {
    for (const connection of connections) connection.close()
  }
}

function expecting(
  expectedStatus: number,
  onOther: (error: Error) => void,
  onExpected: (connection: Connection) => void,
): ConnectionEvents['onAnswer'] {
  return (connection, status, head) => {
    if (status === expectedStatus) return onExpected(connection)
    connection.close()
    onOther(new Error(`expected ${expectedStatus}, got: ${head()}`))
  }
}

/** Where the last run of the same requests ended: from the start again, a service would remember what it was asked there. */
const placeOf = new Map<string, number>()

/** The requests in turn, over all runs, as bytes that are made once; but for those that have a number of their own. */
function createTurns(requests: readonly string[]): () => Buffer {
  const turns = requests.map(request => ({
    bytes: Buffer.from(request, 'latin1'),
    numberAt: request.indexOf(ownNumber),
  }))
  const [first = ''] = requests
  return () => {
    const at = placeOf.get(first) ?? 0
    const { bytes, numberAt } = turns[at] as (typeof turns)[number]
    placeOf.set(first, (at + 1) % turns.length)
    return numberAt === -1 ? bytes : numbered(bytes, numberAt)
  }
}

/** Never the same twice in the life of this process, so that nothing that was answered before can answer it. */
let lastNumber = 0

function numbered(bytes: Buffer, numberAt: number): Buffer {
  lastNumber += 1
  const own = Buffer.from(bytes)
  own.write(String(lastNumber).padStart(ownNumber.length, '0'), numberAt, 'latin1')
  return own
}
