/** The body of a request, as bytes, up to a length. */
import type { IncomingMessage } from 'node:http'
import { OperationalError } from '../errors.ts'

/**
 * A value when all of it has arrived with the head, as a short one has, else a promise. Throws or rejects with `ERR_BODY_TOO_LARGE`,
 * `ERR_BODY_UNSUPPORTED` for one that is encoded, `ERR_REQUEST_MALFORMED` for one that ends too early; the rest of what is not
 * read goes nowhere, so that the connection can go on.
 */
export function readBody(request: IncomingMessage, longestBytes: number): Buffer | Promise<Buffer> {
  const { 'content-encoding': encoding = 'identity', 'content-length': length = '0' } = request.headers
  if (encoding.toLowerCase() !== 'identity') throw new OperationalError('ERR_BODY_UNSUPPORTED', 'the body is encoded')
  if (Number(length) > longestBytes) throw tooLarge()
  return request.complete ? readAll(request, longestBytes) : receive(request, longestBytes)
}

function readAll(request: IncomingMessage, longestBytes: number): Buffer {
  if (request.readableLength > longestBytes) throw tooLarge()
  return (request.read() as Buffer | null) ?? Buffer.alloc(0)
}

function receive(request: IncomingMessage, longestBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const settle = (conclude: () => void): void => {
      request.off('data', take).off('end', end).off('close', breakOff).off('error', breakOff)
      request.resume()
      conclude()
    }
    const take = (chunk: Buffer): void => {
      length += chunk.length
      chunks.push(chunk)
      if (length > longestBytes) settle(() => reject(tooLarge()))
    }
    const end = (): void => settle(() => resolve(Buffer.concat(chunks, length)))
    const breakOff = (): void =>
      settle(() => reject(new OperationalError('ERR_REQUEST_MALFORMED', 'the body ended too early')))
    request.on('data', take).on('end', end).on('close', breakOff).on('error', breakOff)
  })
}

const tooLarge = (): OperationalError => new OperationalError('ERR_BODY_TOO_LARGE', 'the body is longer than is read')
