/** The settings of a Redis as the rest of the service sees them. */
import type { ParsedSettings } from './schema/schema.ts'

type ParsedSessions = ParsedSettings['sessions']

export function toRedis(sessions: ParsedSessions) {
  const { cache, prefix, timeout, url, writeReplicas } = sessions
  return {
    kind: 'redis' as const,
    url: url ?? '',
    topology: toTopology(sessions),
    ...toTls(sessions.tls),
    writeReplicas,
    prefix,
    timeoutSeconds: timeout,
    isCached: cache,
  }
}

function toTopology({ topology, nodes, masterName, sentinelPassword }: ParsedSessions) {
  if (topology === 'single') return { kind: topology }
  if (topology === 'cluster') return { kind: topology, nodes }
  const password = sentinelPassword === undefined ? {} : { password: sentinelPassword }
  return { kind: topology, nodes, masterName: masterName ?? '', ...password }
}

function toTls({ caFile: _ca, certificateFile: _certificate, keyFile: _key, ...tls }: ParsedSessions['tls']) {
  return Object.keys(tls).length === 0 ? {} : { tls }
}
