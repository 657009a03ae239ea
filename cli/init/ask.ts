/** Asks whoever sits at the terminal. */
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/** What is asked, as it is shown. A secret is not shown while it is typed. Rejects with an `AbortError` at the end of input. */
export type Ask = (text: string, options: { readonly isSecret: boolean }) => Promise<string>

export interface Dialogue {
  readonly ask: Ask
  close(): void
}

/** `undefined` where nobody sits there. */
export function createAsk(): Dialogue | undefined {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return undefined
  let isHidden = false
  // Standard error, so that what is written to standard output can go elsewhere.
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (!isHidden) process.stderr.write(chunk)
      done()
    },
  })
  const lines = createInterface({ input: process.stdin, output, terminal: true })
  const ended = new AbortController()
  lines.once('close', () => ended.abort())
  return {
    async ask(text, { isSecret }) {
      const answer = lines.question(text, { signal: ended.signal })
      // The question stands there by now; what is typed would be shown.
      isHidden = isSecret
      try {
        return await answer
      } finally {
        isHidden = false
        if (isSecret) process.stderr.write('\n')
      }
    },
    close: () => lines.close(),
  }
}
