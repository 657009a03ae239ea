/** Every probe, in the order in which they run. A new one is a file of its own and a line here. */
import { anyRequest } from './any-request.ts'
import { asThePolicySays } from './as-the-policy-says.ts'
import { checkAnswers } from './check-answers.ts'
import { encodedPaths } from './encoded-paths.ts'
import { failsClosed } from './fails-closed.ts'
import { forgedOrigins } from './forged-origins.ts'
import { headerFloods } from './header-floods.ts'
import { hostNames } from './host-names.ts'
import { identityHeaders } from './identity-headers.ts'
import { oddTargets } from './odd-targets.ts'
import type { Probe } from './probe.ts'
import { upgradeTokens } from './upgrade-tokens.ts'

export const probes: readonly Probe[] = [
  asThePolicySays,
  anyRequest,
  hostNames,
  forgedOrigins,
  identityHeaders,
  encodedPaths,
  checkAnswers,
  upgradeTokens,
  headerFloods,
  oddTargets,
]

/** Of a proxy whose Sallyport has been stopped. */
export const probesWhileStopped: readonly Probe[] = [failsClosed]
