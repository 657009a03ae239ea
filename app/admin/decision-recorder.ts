/**
 * Remembers what the last decisions were made of, so that they can be explained as they were made: a ring in memory
 * that forgets the oldest, and the revisions of the policy that its entries refer to.
 *
 * No credential is kept: no cookie, no query, and of the headers only those that conditions of the policy name.
 */
import type { Context } from '../../rbac/context.ts'
import { headerNamesOf } from '../../rbac/header-names.ts'
import type { Identity } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import type { DecidedQuestion } from '../verify.ts'

export interface DecisionRecorderOptions {
  /** How many decisions are kept; 0 keeps none. */
  readonly keepDecisions: number
  /** How many revisions are kept, with the one in force; at least 1. */
  readonly keepRevisions: number
  /** How much memory they may take, by `PolicySnapshot.bytes`; the one in force is always kept. Default 256 MiB. */
  readonly keepRevisionsBytes?: number
}

export interface DecisionRecorder {
  /** A revision is in force. */
  readonly loaded: (snapshot: PolicySnapshot) => void
  readonly record: (decided: DecidedQuestion) => void
  /** The newest decision of that id. `unknown`: never made here, or forgotten. `revision-gone`: its policy is. */
  readonly find: (requestId: string) => RecordedDecision | 'unknown' | 'revision-gone'
}

export interface RecordedDecision {
  readonly domain: string
  readonly resource: string
  readonly action: string
  readonly identity: Identity
  readonly context: Context
  readonly policy: PolicySnapshot
}

interface Revision {
  readonly name: string
  readonly headerNames: readonly string[]
  snapshot: PolicySnapshot | undefined
  /** How many entries of the ring refer to it. */
  uses: number
}

interface Entry {
  readonly requestId: string
  readonly domain: string
  readonly resource: string
  readonly action: string
  readonly identity: Identity
  readonly now: number
  readonly clientAddress: string | undefined
  readonly clientCertificate: Context['clientCertificate']
  readonly headers: ReadonlyMap<string, string | undefined>
  readonly revision: Revision
}

/** A policy may look at these; nobody gets to read them afterwards. */
const credentials: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization'])
const defaultRevisionsBytes = 268_435_456
const noHeaders: ReadonlyMap<string, string | undefined> = new Map()

export function createDecisionRecorder(options: DecisionRecorderOptions): DecisionRecorder {
  const { keepDecisions, keepRevisions, keepRevisionsBytes = defaultRevisionsBytes } = options
  const ring: Entry[] = []
  let oldest = 0
  let revisions: Revision[] = []

  function put(entry: Entry): void {
    entry.revision.uses++
    if (ring.length < keepDecisions) {
      ring.push(entry)
      return
    }
    const before = ring[oldest]
    if (before !== undefined) before.revision.uses--
    ring[oldest] = entry
    oldest = (oldest + 1) % keepDecisions
  }

  return {
    loaded(snapshot) {
      const names = headerNamesOf(snapshot).filter(name => !credentials.has(name))
      const kept = revisions.filter(({ name, uses }) => uses > 0 && name !== snapshot.revision)
      const same = revisions.find(({ name }) => name === snapshot.revision)
      const revision = same ?? { name: snapshot.revision, headerNames: names, snapshot, uses: 0 }
      const bytesOf = ({ snapshot: policy }: Revision): number => policy?.bytes ?? 0
      let bytes = [...kept, revision].reduce((sum, one) => sum + bytesOf(one), 0)
      const isTooMuch = (): boolean => kept.length + 1 > keepRevisions || bytes > keepRevisionsBytes
      for (let old = kept[0]; old !== undefined && isTooMuch(); old = kept[0]) {
        bytes -= bytesOf(old)
        old.snapshot = undefined
        kept.shift()
      }
      revisions = [...kept, revision]
    },
    record({ requestId, request: { domain, resource, action }, identity, context, decision }) {
      if (keepDecisions === 0) return
      const revision = revisions.findLast(({ name }) => name === decision.revision)
      if (revision === undefined) return
      const { now, clientAddress, clientCertificate } = context
      const headers = readHeaders(revision.headerNames, context)
      const asked = { requestId, domain, resource, action, identity, now, clientAddress, clientCertificate, headers }
      put({ ...asked, revision })
    },
    find(requestId) {
      const inOrder = [...ring.slice(oldest), ...ring.slice(0, oldest)]
      const entry = inOrder.findLast(candidate => candidate.requestId === requestId)
      if (entry === undefined) return 'unknown'
      return entry.revision.snapshot === undefined ? 'revision-gone' : restore(entry, entry.revision.snapshot)
    },
  }
}

function readHeaders(names: readonly string[], { header }: Context): ReadonlyMap<string, string | undefined> {
  if (names.length === 0 || header === undefined) return noHeaders
  return new Map(names.map(name => [name, header(name)]))
}

function restore(entry: Entry, policy: PolicySnapshot): RecordedDecision {
  const { domain, resource, action, identity, now, clientAddress, clientCertificate, headers } = entry
  const context: Context = {
    now,
    header: name => headers.get(name),
    ...(clientAddress === undefined ? {} : { clientAddress }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  }
  return { domain, resource, action, identity, context, policy }
}
