/**
 * Files that somebody exchanges while we run: certificates, keys, tokens. What they hold is compared, not when they were
 * written: Kubernetes exchanges a whole folder by a symbolic link.
 */
import { readFileSync } from 'node:fs'

export interface ChangingFiles {
  /** Reads now; whether what is held has changed. Never throws: what cannot be read leaves what was there. */
  look(): boolean
  close(): void
}

export interface ChangingFilesOptions<T> {
  readonly paths: readonly string[]
  /** Makes of the texts, in the order of the paths, what is used. Throws for what cannot be used. */
  readonly use: (texts: readonly string[]) => T
  readonly onError: (error: unknown) => void
  readonly onChange?: (value: T) => void
  /** In milliseconds. Default 5000. */
  readonly lookEveryMs?: number
}

/** Throws when the files cannot be used at first, with their names: nothing runs without them. */
export function watchFiles<T>(options: ChangingFilesOptions<T>): ChangingFiles & { readonly value: T } {
  const { paths, use, onError, onChange = () => undefined, lookEveryMs = 5000 } = options
  const usable = (read: readonly string[]): T => {
    try {
      return use(read)
    } catch (cause) {
      throw new Error(`${paths.join(', ')}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
  }
  let texts = paths.map(path => readFileSync(path, 'utf8'))
  let value = usable(texts)
  let refused: string | undefined

  function look(): boolean {
    let seen: readonly string[]
    try {
      seen = paths.map(path => readFileSync(path, 'utf8'))
      if (seen.every((text, index) => text === texts[index])) {
        refused = undefined
        return false
      }
      // A certificate without its key, a token half written: the next look finds the rest.
      value = usable(seen)
    } catch (error) {
      const said = String(error)
      if (said !== refused) onError(error)
      refused = said
      return false
    }
    refused = undefined
    texts = [...seen]
    onChange(value)
    return true
  }

  const timer = setInterval(look, lookEveryMs)
  timer.unref()
  return {
    look,
    close: () => clearInterval(timer),
    get value() {
      return value
    },
  }
}
