/** The closed registry of criteria: a name in `conditions.yaml` that is not here stops the load. */
import { acr } from './acr.ts'
import { ask } from './ask.ts'
import { authenticationAge } from './authentication-age.ts'
import { authenticationMethod } from './authentication-method.ts'
import { claim } from './claim.ts'
import { clientCertificate } from './client-certificate.ts'
import type { Criterion } from './condition.ts'
import { dateWindow } from './date-window.ts'
import { group } from './group.ts'
import { header } from './header.ts'
import { preflight } from './preflight.ts'
import { property } from './property.ts'
import { route } from './route.ts'
import { same } from './same/same.ts'
import { sourceNetwork } from './source-network.ts'
import { timeWindow } from './time-window.ts'

/** Binds the arguments of a criterion as YAML states them. Throws `ValueError`. */
export type ParseCriterion = (value: unknown) => Criterion

export const criteria: Readonly<Record<string, ParseCriterion>> = {
  'source-network': sourceNetwork,
  'authentication-age': authenticationAge,
  'authentication-method': authenticationMethod,
  acr,
  'time-window': timeWindow,
  'date-window': dateWindow,
  claim,
  group,
  header,
  preflight,
  route,
  property,
  same,
  'client-certificate': clientCertificate,
  ask,
}
