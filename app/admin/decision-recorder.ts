/**
 * Remembers what the last decisions were made of, so that they can be explained as they were made: a ring in memory
 * that forgets the oldest, and the revisions of the policy that its entries refer to.
 *
 * No credential is kept: no cookie, no query, and of the headers only those that conditions of the policy name.
 */
import type { Context } from '../../rbac/context.ts'
import { headerNamesOf } from '../../rbac/header-names.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
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

/** Written over when its turn comes: a new one for each check would outlive the young generation and be collected dearly. */
interface Entry {
  requestId: string
  domain: string
  resource: string
  action: string
  identity: Identity
  now: number
  clientAddress: string | undefined
  clientCertificate: Context['clientCertificate']
  headers: ReadonlyMap<string, string | undefined>
  revision: Revision | undefined
}

/** A policy may look at these; nobody gets to read them afterwards. */
const credentials: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization'])
const defaultRevisionsBytes = 268_435_456
const noHeaders: ReadonlyMap<string, string | undefined> = new Map()

const blank: Entry = {
  requestId: '',
  domain: '',
  resource: '',
  action: '',
  identity: anonymous,
  now: 0,
  clientAddress: undefined,
  clientCertificate: undefined,
  headers: noHeaders,
  revision: undefined,
}

export function createDecisionRecorder(options: DecisionRecorderOptions): DecisionRecorder {
  const { keepDecisions, keepRevisions, keepRevisionsBytes = defaultRevisionsBytes } = options
  const ring: Entry[] = []
  let oldest = 0
  let revisions: Revision[] = []

  /** The place of the next decision: a new one until the ring is full, then that of the oldest. */
  function nextEntry(): Entry {
    const reused = ring.length < keepDecisions ? undefined : ring[oldest]
    if (reused === undefined) {
      const added: Entry = { ...blank }
      ring.push(added)
      return added
    }
    if (reused.revision !== undefined) reused.revision.uses--
    oldest = (oldest + 1) % keepDecisions
    return reused
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
    record(decided) {
      if (keepDecisions === 0) return
      const revision = revisions.findLast(({ name }) => name === decided.decision.revision)
      if (revision === undefined) return
      fill(nextEntry(), decided, revision)
      revision.uses++
    },
    find(requestId) {
      const inOrder = [...ring.slice(oldest), ...ring.slice(0, oldest)]
      const entry = inOrder.findLast(candidate => candidate.requestId === requestId)
      if (entry === undefined) return 'unknown'
      const policy = entry.revision?.snapshot
      return policy === undefined ? 'revision-gone' : restore(entry, policy)
    },
  }
}

function fill(entry: Entry, { requestId, request, identity, context }: DecidedQuestion, revision: Revision): void {
  entry.requestId = requestId
  entry.domain = request.domain
  entry.resource = request.resource
  entry.action = request.action
  entry.identity = identity
  entry.now = context.now
  entry.clientAddress = context.clientAddress
  entry.clientCertificate = context.clientCertificate
  entry.headers = readHeaders(revision.headerNames, context)
  entry.revision = revision
}

function readHeaders(names: readonly string[], { header }: Context): ReadonlyMap<string, string | undefined> {
  if (names.length === 0 || header === undefined) return noHeaders
  return new Map(names.map(name => [name, header(name)]))
}

function restore(entry: Entry, policy: PolicySnapshot): RecordedDecision {
  const { domain, resource, action, identity, now, clientAddress, clientCertificate, headers } = entry
  const context: Context = { now, header: name => headers.get(name), clientAddress, clientCertificate }
  return { domain, resource, action, identity, context, policy }
}
