/**
 * The parts of the service that only some configurations use, and the code of each that this one does: a service that
 * guards two hosts loads no gRPC, no gateway and no token exchange. A part that is not here is imported as ever.
 */
import type { Config } from '../../config/config.ts'
import type { FrontKind } from '../fronts/front.ts'
import type { OwnRightsCheck } from './clusters/own-rights.ts'
import { hasClusters, hasExchange, hasGrants, takesCertificates, takesTokens } from './configured.ts'

export type Parts = Awaited<ReturnType<typeof loadParts>>

/** `undefined` stands for a part that the configuration does not use. */
export async function loadParts(config: Config) {
  const [gateway, direct, ownRights, grants, exchange, questions, envoy, machines, certificates, deciders] =
    await Promise.all([
      where(hasClusters(config), () => import('./clusters/kubernetes.ts')),
      where(hasClusters(config), () => import('./clusters/direct-clusters.ts')),
      where(hasClusters(config), () => import('./clusters/own-rights.ts')),
      where(hasGrants(config), () => import('./clusters/grants.ts')),
      where(hasExchange(config), () => import('./exchange.ts')),
      where(config.authzen !== undefined, () => import('./authzen.ts')),
      where(config.envoy !== undefined, () => import('./envoy.ts')),
      where(takesTokens(config), () => import('./machines.ts')),
      where(takesCertificates(config), () => import('./certificates.ts')),
      where(config.policy.deciders.length > 0, () => import('./deciders.ts')),
    ])
  return { gateway, direct, ownRights, grants, exchange, questions, envoy, machines, certificates, deciders }
}

const where = async <Part>(isUsed: boolean, load: () => Promise<Part>): Promise<Part | undefined> =>
  isUsed ? load() : undefined

/** The words of all who ask, in metrics: those of the table, and those that only some configurations have. */
export const frontNamesOf = (parts: Parts, fronts: readonly FrontKind[]): readonly string[] =>
  [
    ...fronts.map(({ name }) => name),
    parts.gateway?.callFront,
    parts.exchange?.exchangeFront,
    parts.questions?.questionFront,
    parts.envoy?.envoyFront,
  ].filter(name => name !== undefined)

/** Of a configuration without clusters: nothing is asked. */
export const noOwnRights: OwnRightsCheck = {
  start: async () => undefined,
  again: () => undefined,
  probes: [],
  close: () => undefined,
}
