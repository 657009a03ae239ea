/** What a call is meant to be, from its target: how it is ended hangs on that, never whether it may pass. Pure. */
import { pathOf } from '../status.ts'
import type { StreamKind } from './call-meter.ts'

const noQuery: Pick<URLSearchParams, 'has' | 'get'> = new URLSearchParams()
const isTrue = (value: string | null): boolean => value !== null && /^(?:1|t|true|)$/i.test(value)
const legacyWatch = /^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)\/watch\//
const proxied = /\/proxy(?:\/|$)/
/** `/<kind>/<name>`, in a namespace or outside of one; a namespace itself as well. */
const named = /^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)(?:\/namespaces\/[^/]+)?\/[^/]+\/[^/]+$/
const subresource = /^\/api\/v1\/namespaces\/[^/]+\/pods\/[^/]+\/([a-z]+)$/

export interface CallKind {
  readonly isWatch: boolean
  /** One object by its name: a server keeps none that is larger than some megabytes, where a list has no end. */
  readonly isObject: boolean
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
  const query = target.length === path.length ? noQuery : new URLSearchParams(target.slice(path.length + 1))
  const of = subresource.exec(path)?.[1]
  const isProxied = proxied.test(path)
  const isWatch = !isProxied && ((query.has('watch') && isTrue(query.get('watch'))) || legacyWatch.test(path))
  return {
    isWatch,
    isObject: !isProxied && !isWatch && named.test(path),
    isFollow: of === 'log' && query.has('follow') && isTrue(query.get('follow')),
    isCommand: of === 'exec' || of === 'attach',
    isProxied,
    ofPod: of,
  }
}

/**
 * Without a body, whether it goes over a connection with others. What lasts and mostly says nothing needs none of its own; what is
 * small is carried there for less (16 at once: a sixth of the gateway's time). A list of 30 MB would hold up the others.
 */
export const mayShare = ({ isWatch, isObject }: CallKind): boolean => isWatch || isObject

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
