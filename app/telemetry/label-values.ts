/** Closed lists that others own, as values of labels. */
import type { EndCause } from '../audit/event.ts'
import type { AskOutcome } from '../deciders/decider.ts'
import type { TokenRefusalReason } from '../identity/token/refusal.ts'
import type { StreamKind } from '../kubernetes/gateway/carrying/call-meter.ts'
import type { Ending } from '../kubernetes/gateway/gateway-call.ts'

/** `Record`s and not arrays, so that the compiler sees a value that is missing. */
const causes = {
  logout: true,
  'login-replaced': true,
  'other-session': true,
  admin: true,
  'back-channel': true,
  'front-channel': true,
  'provider-refused': true,
  'verification-overdue': true,
} as const satisfies Record<EndCause, true>

const tokenReasons = {
  size: true,
  form: true,
  duplicate: true,
  issuer: true,
  legacy: true,
  algorithm: true,
  type: true,
  'identity-token': true,
  audience: true,
  'other-audience': true,
  claim: true,
  expired: true,
  'not-yet': true,
  lifetime: true,
  key: true,
  signature: true,
  bound: true,
  certificate: true,
  client: true,
  person: true,
  groups: true,
  session: true,
  logins: true,
  revoked: true,
  proof: true,
  inactive: true,
  provider: true,
  idle: true,
} as const satisfies Record<TokenRefusalReason, true>

const outcomesOfAsking = {
  yes: true,
  no: true,
  failed: true,
  full: true,
} as const satisfies Record<AskOutcome, true>

const kindsOfStreams = {
  watch: true,
  log: true,
  exec: true,
  attach: true,
  'port-forward': true,
  other: true,
} as const satisfies Record<StreamKind, true>

const endings = {
  complete: true,
  'client-gone': true,
  'upstream-failed': true,
  cut: true,
  refused: true,
} as const satisfies Record<Ending, true>

export const deciderOutcomes = Object.keys(outcomesOfAsking) as readonly AskOutcome[]

export const streamKinds = Object.keys(kindsOfStreams) as readonly StreamKind[]
export const callEndings = Object.keys(endings) as readonly Ending[]
export const endCauses = Object.keys(causes) as readonly EndCause[]
export const tokenRefusalReasons = Object.keys(tokenReasons) as readonly TokenRefusalReason[]
