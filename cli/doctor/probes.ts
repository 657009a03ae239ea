/** Every probe, in the order in which they run. A new one is a file of its own and a line here. */
import { headerFloods } from './header-floods.ts'
import { oddTargets } from './odd-targets.ts'
import type { Probe } from './probe.ts'
import { upgradeTokens } from './upgrade-tokens.ts'

export const probes: readonly Probe[] = [upgradeTokens, headerFloods, oddTargets]
