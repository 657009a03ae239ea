/** A decider outside, on a port of this machine, that answers as a test says. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface AskedOfDecider {
  readonly headers: IncomingHttpHeaders
  readonly body: Readonly<Record<string, unknown>>
}

export interface DeciderServer {
  readonly url: string
  /** Every question that came. */
  readonly asked: AskedOfDecider[]
  /** How the next questions are answered. */
  answer: (response: ServerResponse, asked: AskedOfDecider) => void
  readonly close: () => Promise<void>
}

/** Answers with this JSON, or these bytes. */
export const saying =
  (body: unknown, status = 200): DeciderServer['answer'] =>
  response => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

export async function startDecider(answer: DeciderServer['answer'] = saying({ result: true })): Promise<DeciderServer> {
  const asked: AskedOfDecider[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const question = { headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) }
      asked.push(question)
      own.answer(response, question)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const own: DeciderServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/data/sallyport/allow`,
    asked,
    answer,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return own
}
