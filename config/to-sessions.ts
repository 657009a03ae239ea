/** The sessions' settings as the rest of the service sees them. */
import { resolve } from 'node:path'
import type { ParsedSettings } from './schema/schema.ts'
import { linesOf } from './secret-files.ts'
import { toRedis } from './to-redis.ts'

type ParsedSessions = ParsedSettings['sessions']

/** `directory` is where a relative path starts. */
export function toSessions(sessions: ParsedSessions, directory: string) {
  return {
    store: toStore(sessions, directory),
    /** The first seals and signs, all of them open and verify. */
    secrets: linesOf(sessions.secret ?? ''),
    lifetimeSeconds: sessions.lifetime,
    idleSeconds: sessions.idle,
    verifyEverySeconds: sessions.verifyEvery,
    staleGraceSeconds: sessions.staleGrace,
    /** Present where people may choose to stay logged in. */
    ...(sessions.remember && {
      remembered: { lifetimeSeconds: sessions.rememberLifetime, idleSeconds: sessions.rememberIdle },
    }),
    bindTo: sessions.bindTo,
    cacheBytes: sessions.cacheBytes,
    /** Present exactly where cookies are bound to it, not to single hosts. */
    ...(sessions.binding === 'domain' && sessions.cookieDomain !== undefined
      ? { cookieDomain: sessions.cookieDomain }
      : {}),
  }
}

function toStore(sessions: ParsedSessions, directory: string) {
  if (sessions.store === 'lmdb') return { kind: 'lmdb' as const, path: resolve(directory, sessions.path) }
  return toRedis(sessions)
}
