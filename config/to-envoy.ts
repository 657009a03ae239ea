/** The listener for Envoy as the rest of the service sees it: paths absolute. */
import { resolve } from 'node:path'
import { toListenPlace } from './schema/listen-place.ts'
import type { ParsedSettings } from './schema/schema.ts'

export function toEnvoy({ tls, ...listener }: NonNullable<ParsedSettings['envoy']>, directory: string) {
  const listen = toListenPlace(listener)
  if (tls === undefined) return { listen }
  const { certificateFile, keyFile, clientCaFile, clientNames } = tls
  return {
    listen,
    tls: {
      certificatePath: resolve(directory, certificateFile),
      keyPath: resolve(directory, keyFile),
      ...(clientCaFile === undefined ? {} : { clientAuthoritiesPath: resolve(directory, clientCaFile) }),
      ...(clientNames === undefined ? {} : { clientNames }),
    },
  }
}
