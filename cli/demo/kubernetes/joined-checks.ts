/** What has to stand in both audit logs after the story, and what must not. */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Check } from '../chapters.ts'
import type { AuditEvent } from '../cluster/audit-log.ts'
import { expect } from '../expectations.ts'
import { findPerson } from '../people.ts'
import type { Cast } from './cast.ts'
import type { JoinedCall } from './joined-logs.ts'
import { gatewayUser, groupPrefix } from './roles.ts'

export function joinedChecks({ stack, alice, bob, calls }: Cast): readonly Check[] {
  return [
    [
      'every call that was allowed is in both, under one id',
      // Ours is written a little after the answer.
      eventually(() => {
        const lost = allowed(calls()).filter(call => call.cluster === undefined)
        expect(lost.length === 0, `none that the cluster did not write, got ${JSON.stringify(lost)}`)
        const theirs = idsIn(stack.places.clusterAuditLog)
        const ours = new Set(allowed(calls()).map(({ requestId }) => requestId))
        const foreign = theirs.filter(id => !ours.has(id))
        expect(foreign.length === 0, `none that only the cluster wrote, got ${foreign}`)
      }),
    ],
    [
      'the cluster names the gateway as its user, and the person it speaks for, with their groups, subject and session',
      async () => {
        for (const call of allowed(calls())) expectNamed(call)
        const people = new Set(allowed(calls()).map(call => call.cluster?.impersonatedUser?.username))
        expect(people.size === 2, `Alice and Bob, got ${[...people]}`)
      },
    ],
    [
      'a call that was refused never reached the cluster',
      async () => {
        const refused = calls().filter(({ decision }) => decision.event !== 'access.allowed')
        expect(refused.length >= 4, `at least four of them, got ${refused.length}`)
        const passed = refused.filter(call => call.cluster !== undefined)
        expect(passed.length === 0, `none in the log of the cluster, got ${JSON.stringify(passed)}`)
      },
    ],
    [
      'the shell is there with how long it was open, and how it ended',
      async () => {
        const shell = calls().find(({ end }) => end?.ending === 'cut')
        const { resource, action } = shell?.decision ?? {}
        const isIt = resource === '/payments/core/pods/web/exec' && action === 'create'
        expect(isIt && (shell?.end?.durationMilliseconds ?? 0) > 0, `it, got ${JSON.stringify(shell)}`)
      },
    ],
    [
      'no token stands in either of them',
      async () => {
        const tokens = [...alice.tokens(), ...bob.tokens()]
        expect(tokens.length >= 4, `tokens of two people, got ${tokens.length}`)
        const texts = [stack.places.auditLog, stack.places.clusterAuditLog].map(path => readFileSync(path, 'utf8'))
        const found = tokens.filter(token => texts.some(text => text.includes(token)))
        expect(found.length === 0, `no token, got ${found.length}`)
      },
    ],
  ]
}

/** Until it is so; what it was at last, after a time that nothing takes. */
const eventually = (check: () => void) => async (): Promise<void> => {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await delay(100)) {
    try {
      return check()
    } catch {}
  }
  check()
}

const allowed = (calls: readonly JoinedCall[]) => calls.filter(({ decision }) => decision.event === 'access.allowed')

/** Of all calls that the gateway made for somebody: at start it asks what it may do itself. */
function idsIn(path: string): readonly string[] {
  const events = readFileSync(path, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Pick<AuditEvent, 'auditID' | 'impersonatedUser'>)
  return events.filter(({ impersonatedUser }) => impersonatedUser !== undefined).map(({ auditID }) => auditID)
}

function expectNamed(call: JoinedCall): void {
  const { cluster, decision } = call
  const person = findPerson(decision.email?.split('@', 1)[0] ?? '')
  const { username, uid, groups = [], extra = {} } = cluster?.impersonatedUser ?? {}
  const isNamed =
    cluster?.user.username === gatewayUser &&
    username === person?.email &&
    uid === decision.subject &&
    person?.groups.every(group => groups.includes(`${groupPrefix}${group}`)) === true &&
    extra['sallyport.dev/session']?.[0] === decision.session
  expect(isNamed, `${person?.email} of session ${decision.session}, got ${JSON.stringify(cluster)}`)
}
