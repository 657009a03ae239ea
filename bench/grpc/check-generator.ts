/** Asks a server of checks as fast as it answers, over one connection, as an Envoy worker does. A process of its own. */
import { Client, credentials } from '@grpc/grpc-js'
import { checkDefinition } from './check-call.ts'

/** What it is told to do. */
export interface CheckRun {
  readonly port: number
  /** Base64. */
  readonly message: string
  readonly seconds: number
  /** Calls that are under way at any time. */
  readonly concurrency: number
}

/** What came of it. */
export interface CheckRunResult {
  readonly calls: number
  /** Base64 of the last answer, which is an allow: another one ends the process. */
  readonly answer: string
}

/** `CheckResponse` begins with its status, and OK is a status of no bytes or of the number 0. */
const isAllow = (answer: Buffer): boolean => answer[0] === 0x0a && (answer[1] === 0 || answer[3] === 0)

export function runCheckGenerator(): void {
  process.on('message', async (run: CheckRun) => {
    process.send?.(await generate(run))
  })
  process.send?.({ isReady: true })
}

async function generate({ port, message, seconds, concurrency }: CheckRun): Promise<CheckRunResult> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  const request = Buffer.from(message, 'base64')
  const ends = performance.now() + seconds * 1_000
  let calls = 0
  let answer: Buffer = request
  const asItIs = (bytes: Buffer): Buffer => bytes
  const once = (): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(checkDefinition.Check.path, asItIs, asItIs, request, (error, bytes) =>
        error === null ? resolve(bytes as Buffer) : reject(error),
      )
    })
  const keepAsking = async (): Promise<void> => {
    while (performance.now() < ends) {
      answer = await once()
      if (!isAllow(answer)) throw new Error('a check was not allowed')
      calls += 1
    }
  }
  await Promise.all(Array.from({ length: concurrency }, keepAsking))
  client.close()
  return { calls, answer: answer.toString('base64') }
}
