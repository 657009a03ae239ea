/**
 * A request whose headers are not put into an object until somebody wants them.
 *
 * Before it hands a request on, `node:http` looks at two of its headers: `Host`, which has to be there (RFC 9112 section
 * 3.2), and `Expect`. For that it makes an object of all of them, a fifth of what a check costs; a check reads its few
 * headers from `rawHeaders`, where a repeated one is still seen as two.
 */
import { IncomingMessage } from 'node:http'

/** What `node:http` looks at by itself. */
class LookedAt {
  readonly #rawHeaders: readonly string[]

  constructor(rawHeaders: readonly string[]) {
    this.#rawHeaders = rawHeaders
  }

  get host(): string | undefined {
    return firstOf(this.#rawHeaders, 'host')
  }

  get expect(): string | undefined {
    return firstOf(this.#rawHeaders, 'expect')
  }
}

function firstOf(rawHeaders: readonly string[], name: string): string | undefined {
  const initial = name.charCodeAt(0)
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index] as string
    if (candidate.length !== name.length || (candidate.charCodeAt(0) | 0x20) !== initial) continue
    if (candidate.toLowerCase() === name) return rawHeaders[index + 1]
  }
  return undefined
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
    return this.isWhole ? whole?.get?.call(this) : new LookedAt(this.rawHeaders)
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
