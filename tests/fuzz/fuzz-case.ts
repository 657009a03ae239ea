/** One case: what is written to a connection, in parts that can be left out one by one. */

/** Texts are bytes (Latin-1) with names in `<<…>>`, which each sending fills in anew. */
export interface RawRequest {
  readonly method: string
  /** In parts, so that each can be left out. */
  readonly target: readonly string[]
  /** With what stands before it; empty: none at all. */
  readonly version: string
  /** Whole lines without their ends. */
  readonly headers: readonly string[]
  readonly eol: '\r\n' | '\n'
  readonly body: string
}

export interface FuzzCase {
  readonly requests: readonly RawRequest[]
  /** Nobody can say how many requests this is: the connection is its own, and is read until it closes or falls silent. */
  readonly isDoubtful: boolean
}

/** Each request has a mark of its own, and what is hidden in its body another one: 'zq', seven letters or digits, 'q'. */
export const markPattern = /zq[0-9a-z]{7}q/

export interface Sending {
  readonly bytes: string
  /** Of each request as it was meant, in order. */
  readonly methods: readonly string[]
  /** Targets by mark; of hidden ones there is none. */
  readonly targets: ReadonlyMap<string, string>
}

export interface Filling {
  readonly port: number
  /** `alice@wiki` and the like: the cookie of this person for this host. */
  readonly cookies: ReadonlyMap<string, string>
  readonly nextMark: () => string
}

export function render({ requests }: FuzzCase, { port, cookies, nextMark }: Filling): Sending {
  const targets = new Map<string, string>()
  const texts = requests.map(request => {
    const [mark, hidden] = [nextMark(), nextMark()]
    const fill = (text: string): string =>
      text.replaceAll(/<<([a-z@]+)>>/g, (_, name: string) => {
        if (name === 'm') return mark
        if (name === 'i') return hidden
        return name === 'port' ? String(port) : (cookies.get(name) ?? '')
      })
    const target = fill(request.target.join(''))
    targets.set(mark, target)
    const { method, version, headers, eol, body } = request
    return [`${method} ${target}${version}`, ...headers.map(fill), '', fill(body)].join(eol)
  })
  return { bytes: texts.join(''), methods: requests.map(({ method }) => method), targets }
}

/** As many as are wanted, none twice. */
export function createMarks(): () => string {
  let count = 0
  return () => {
    count += 1
    return `zq${count.toString(36).padStart(7, '0')}q`
  }
}
