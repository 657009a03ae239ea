/** The certificate of the listener: exchanged while it listens, as soon as certificate and key fit each other again. */
import { createSecureContext } from 'node:tls'
import { type ChangingFiles, watchFiles } from '../changing-files.ts'

export interface TlsFiles {
  readonly certificate: string
  readonly key: string
}

export interface TlsPair {
  readonly cert: string
  readonly key: string
}

export interface TlsWatchOptions {
  readonly onChange: (pair: TlsPair) => void
  readonly onError: (error: unknown) => void
  readonly lookEveryMs?: number
}

/** Throws when the pair cannot be used. */
export function watchTlsFiles(
  { certificate, key }: TlsFiles,
  options: TlsWatchOptions,
): ChangingFiles & { readonly value: TlsPair } {
  return watchFiles<TlsPair>({
    ...options,
    paths: [certificate, key],
    use([cert = '', privateKey = '']) {
      createSecureContext({ cert, key: privateKey })
      return { cert, key: privateKey }
    },
  })
}
