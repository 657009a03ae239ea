/** What a call is meant to be, from its target: how it is ended hangs on that, never whether it may pass. Pure. */
import { pathOf } from '../status.ts'
import type { StreamKind } from './call-meter.ts'

const isTrue = (value: string | null): boolean => value !== null && /^(?:1|t|true|)$/i.test(value)
const legacyWatch = /^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)\/watch\//
const proxied = /\/proxy(?:\/|$)/
const subresource = /^\/api\/v1\/namespaces\/[^/]+\/pods\/[^/]+\/([a-z]+)$/

export interface CallKind {
  readonly isWatch: boolean
  /** A log that goes on. */
  readonly isFollow: boolean
  /** A command in a container, or attached to one: there is an error channel. */
  readonly isCommand: boolean
  /** Somebody's own application answers: nothing of ours is to be read there. */
  readonly isProxied: boolean
  /** Of a pod: `exec`, `log`, …; absent for what else there is. */
  readonly ofPod: string | undefined
}

export function kindOf(target: string): CallKind {
  const path = pathOf(target)
  const query = new URLSearchParams(target.slice(path.length + 1))
  const of = subresource.exec(path)?.[1]
  const isProxied = proxied.test(path)
  return {
    isWatch: !isProxied && ((query.has('watch') && isTrue(query.get('watch'))) || legacyWatch.test(path)),
    isFollow: of === 'log' && query.has('follow') && isTrue(query.get('follow')),
    isCommand: of === 'exec' || of === 'attach',
    isProxied,
    ofPod: of,
  }
}

const streams: Readonly<Partial<Record<string, StreamKind>>> = {
  exec: 'exec',
  attach: 'attach',
  portforward: 'port-forward',
  log: 'log',
}

/** Which stream it is; `undefined` for what is not meant to last. */
export function streamKindOf({ isWatch, isFollow, ofPod = '' }: CallKind, isUpgraded: boolean): StreamKind | undefined {
  if (isWatch) return 'watch'
  if (isFollow) return 'log'
  return isUpgraded ? (streams[ofPod] ?? 'other') : undefined
}
