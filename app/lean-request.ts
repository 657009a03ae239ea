/**
 * A request whose headers are not put into an object until somebody wants them.
 *
 * Before it hands a request on, `node:http` looks at two of its headers: `Host`, which has to be there (RFC 9112 section
 * 3.2), and `Expect`. For that it makes an object of all of them, a fifth of what a check costs; a check reads its few
 * headers from `rawHeaders`, where a repeated one is still seen as two.
 */
import { IncomingMessage } from 'node:http'

/** What `node:http` looks at by itself. */
interface LookedAt {
  readonly host: string | undefined
  readonly expect: string | undefined
}

const whole = Object.getOwnPropertyDescriptor(IncomingMessage.prototype, 'headers')

/**
 * Versions of which a test has seen that they look at nothing else. Threat: another one that decides by a header which
 * it does not find here.
 */
const knownVersions: readonly string[] = ['20', '22', '24']

export class LeanRequest extends IncomingMessage {
  isWhole = false
}

Object.defineProperty(LeanRequest.prototype, 'headers', {
  configurable: true,
  get(this: LeanRequest) {
    return this.isWhole ? whole?.get?.call(this) : lookAt(this.rawHeaders)
  },
  set(this: LeanRequest, value: unknown) {
    this.isWhole = true
    whole?.set?.call(this, value)
  },
})

/** From here on `request.headers` has all of them. */
export function makeWhole(request: IncomingMessage): void {
  if (request instanceof LeanRequest) request.isWhole = true
}

/** For `http.createServer`: the class of its requests. */
export const requestClass: typeof IncomingMessage =
  whole?.get !== undefined && knownVersions.includes(process.versions.node.split('.')[0] ?? '')
    ? LeanRequest
    : IncomingMessage

function lookAt(rawHeaders: readonly string[]): LookedAt {
  let host: string | undefined
  let expect: string | undefined
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.length === 4 && host === undefined && name.toLowerCase() === 'host') host = rawHeaders[index + 1]
    else if (name.length === 6 && expect === undefined && name.toLowerCase() === 'expect')
      expect = rawHeaders[index + 1]
  }
  return { host, expect }
}
