/** Ways out to the providers: one for those that Node's authorities vouch for, and one for each that has its own. */
import { createOutbound, type Outbound } from '../login/provider/outbound.ts'

export interface ProviderWays {
  /** `ca`: PEM. The authority of one provider vouches for no other. */
  to(ca: string | undefined): Outbound
  close(): Promise<void>
}

export function createProviderWays(): ProviderWays {
  const ways = new Map<string | undefined, Outbound>()
  return {
    to(ca) {
      const way = ways.get(ca) ?? createOutbound(ca === undefined ? {} : { certificateAuthority: ca })
      ways.set(ca, way)
      return way
    },
    close: async () => {
      await Promise.all([...ways.values()].map(way => way.close()))
    },
  }
}
