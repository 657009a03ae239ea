/**
 * Remembers what the last decisions were made of, so that they can be explained as they were made: a ring in memory
 * that forgets the oldest, and the revisions of the policy that its entries refer to.
 *
 * No credential is kept: no cookie, no query, and of the headers only those that conditions of the policy name.
 */

import { isCertificateAsked } from '../../rbac/asking/certificate-rows.ts'
import type { Context } from '../../rbac/context.ts'
import { isSessionReason, type SessionChallenge } from '../../rbac/decision.ts'
import { headerNamesOf } from '../../rbac/header-names.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
import type { AuditedKubernetesCall } from '../../rbac/kubernetes/call-facts.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import type { DecidedQuestion } from '../verify.ts'
import { createDecisionTexts, type DecisionText } from './decision-texts.ts'

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
  readonly actors: DecidedQuestion['actors']
  readonly policy: PolicySnapshot
  /** What was wrong with the session, in the place of what the policy says of nobody. */
  readonly sessionChallenge: SessionChallenge | undefined
  /** Of a call to a cluster: it may have been more questions than this one. */
  readonly kubernetes: AuditedKubernetesCall | undefined
}

interface Revision {
  readonly name: string
  readonly headerNames: readonly string[]
  /** Some condition asks for the client's certificate; else nobody decodes it. */
  readonly asksCertificate: boolean
  snapshot: PolicySnapshot | undefined
  /** How many entries of the ring refer to it. */
  uses: number
}

/** What is kept of a decision beside its texts; written over when its turn comes. */
interface Entry {
  identity: Identity
  actors: DecidedQuestion['actors']
  now: number
  clientAddress: string | undefined
  clientCertificate: Context['clientCertificate']
  answerOf: Context['answerOf']
  /** `undefined`: nobody vouched for them. */
  headers: ReadonlyMap<string, string | null | undefined> | undefined
  sessionChallenge: SessionChallenge | undefined
  kubernetes: AuditedKubernetesCall | undefined
  revision: Revision | undefined
}

/** A policy may look at these; nobody gets to read them afterwards. */
const credentials: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization'])
const defaultRevisionsBytes = 268_435_456
const noHeaders: ReadonlyMap<string, string | undefined> = new Map()

const blank: Entry = {
  identity: anonymous,
  actors: undefined,
  now: 0,
  clientAddress: undefined,
  clientCertificate: undefined,
  answerOf: undefined,
  headers: noHeaders,
  sessionChallenge: undefined,
  kubernetes: undefined,
  revision: undefined,
}

export function createDecisionRecorder(options: DecisionRecorderOptions): DecisionRecorder {
  const { keepDecisions, keepRevisions, keepRevisionsBytes = defaultRevisionsBytes } = options
  const ring: Entry[] = []
  const texts = createDecisionTexts()
  let oldest = 0
  let revisions: Revision[] = []

  /** The place of the next decision: a new one until the ring is full, then that of the oldest. */
  function nextPlace(): number {
    if (ring.length < keepDecisions) return ring.push({ ...blank }) - 1
    const place = oldest
    oldest = (oldest + 1) % keepDecisions
    return place
  }

  function findPlace(requestId: string): number | undefined {
    // The newest first.
    for (let age = 1; age <= ring.length; age += 1) {
      const place = (oldest + ring.length - age) % ring.length
      if (texts.read(place).requestId === requestId) return place
    }
    return undefined
  }

  return {
    loaded(snapshot) {
      const names = headerNamesOf(snapshot).filter(name => !credentials.has(name))
      const kept = revisions.filter(({ name, uses }) => uses > 0 && name !== snapshot.revision)
      const same = revisions.find(({ name }) => name === snapshot.revision)
      const asksCertificate = isCertificateAsked(snapshot)
      const revision = same ?? { name: snapshot.revision, headerNames: names, asksCertificate, snapshot, uses: 0 }
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
      const place = nextPlace()
      const entry = ring[place]
      if (entry === undefined) return
      if (entry.revision !== undefined) entry.revision.uses--
      const { domain, action, resource } = decided.request
      texts.write(place, { requestId: decided.requestId, domain, action, resource })
      fill(entry, decided, revision)
      revision.uses++
    },
    find(requestId) {
      const place = findPlace(requestId)
      const entry = place === undefined ? undefined : ring[place]
      if (place === undefined || entry === undefined) return 'unknown'
      const policy = entry.revision?.snapshot
      return policy === undefined ? 'revision-gone' : restore(texts.read(place), entry, policy)
    },
  }
}

function fill(entry: Entry, decided: DecidedQuestion, revision: Revision): void {
  const { identity, actors, context, decision, kubernetes } = decided
  entry.identity = identity
  entry.actors = actors
  entry.now = context.now
  entry.clientAddress = context.clientAddress
  entry.clientCertificate = revision.asksCertificate ? context.clientCertificate : undefined
  // What deciders have said, and nothing of the request.
  entry.answerOf = context.answerOf
  entry.headers = readHeaders(revision.headerNames, context)
  entry.sessionChallenge = sessionChallengeOf(decision)
  entry.kubernetes = kubernetes
  entry.revision = revision
}

function sessionChallengeOf(decision: DecidedQuestion['decision']): SessionChallenge | undefined {
  if (decision.effect !== 'challenge') return undefined
  const { reason, login } = decision
  return isSessionReason(reason) ? { reason, login } : undefined
}

function readHeaders(names: readonly string[], { header }: Context): Entry['headers'] {
  if (header === undefined) return undefined
  if (names.length === 0) return noHeaders
  return new Map(names.map(name => [name, header(name)]))
}

const headerOf = (headers: Entry['headers']): Pick<Context, 'header'> =>
  headers === undefined ? {} : { header: name => headers.get(name) }

function restore(text: DecisionText, entry: Entry, policy: PolicySnapshot): RecordedDecision {
  const { domain, resource, action } = text
  const { identity, actors, now, clientAddress, clientCertificate, answerOf, headers, sessionChallenge, kubernetes } =
    entry
  const context: Context = { now, ...headerOf(headers), clientAddress, clientCertificate, answerOf }
  return { domain, resource, action, identity, actors, context, policy, sessionChallenge, kubernetes }
}
