/** The listener for Envoy as the rest of the service sees it: paths absolute. */
import { resolve } from 'node:path'
import type { ParsedSettings } from './schema/schema.ts'

export function toEnvoy({ listen, tls }: NonNullable<ParsedSettings['envoy']>, directory: string) {
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
