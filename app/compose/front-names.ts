/** The words of all who ask, in metrics: those of the table, and those that only some configurations have. */
import type { Config } from '../../config/config.ts'
import type { FrontKind } from '../fronts/front.ts'
import { gatewayFront } from '../kubernetes/judge.ts'
import { questionFront } from './authzen.ts'
import { hasClusters } from './clusters/grants.ts'
import { envoyFront } from './envoy.ts'
import { exchangeFront } from './exchange.ts'

export const hasExchange = ({ machines }: Config): boolean => machines?.exchange !== undefined

export const frontNamesOf = (config: Config, fronts: readonly FrontKind[]): readonly string[] => [
  ...fronts.map(({ name }) => name),
  ...(hasClusters(config) ? [gatewayFront] : []),
  ...(hasExchange(config) ? [exchangeFront] : []),
  ...(config.authzen === undefined ? [] : [questionFront]),
  ...(config.envoy === undefined ? [] : [envoyFront]),
]
