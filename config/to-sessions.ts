/** The sessions' settings as the rest of the service sees them. */
import { resolve } from 'node:path'
import type { ParsedSettings } from './schema.ts'

type ParsedSessions = ParsedSettings['sessions']

/** `directory` is where a relative path starts. */
export function toSessions(sessions: ParsedSessions, directory: string) {
  return {
    store: toStore(sessions, directory),
    secret: sessions.secret ?? '',
    lifetimeSeconds: sessions.lifetime,
    idleSeconds: sessions.idle,
    /** Present where people may choose to stay logged in. */
    ...(sessions.remember && {
      remembered: { lifetimeSeconds: sessions.rememberLifetime, idleSeconds: sessions.rememberIdle },
    }),
    cacheBytes: sessions.cacheBytes,
  }
}

function toStore(sessions: ParsedSessions, directory: string) {
  if (sessions.store === 'lmdb') return { kind: 'lmdb' as const, path: resolve(directory, sessions.path) }
  const { cache, prefix, timeout, url } = sessions
  return { kind: 'redis' as const, url: url ?? '', prefix, timeoutSeconds: timeout, isCached: cache }
}
