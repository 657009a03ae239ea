/** What test cases mean where they do not say: the time of the run, and the first configured provider. */
import type { Config } from '../../config/config.ts'
import { canonicalHosts } from '../../config/host-settings.ts'
import type { PolicyTestOptions } from '../../rbac/testing/policy-test.ts'

export function testDefaults(config: Config | undefined): PolicyTestOptions {
  const now = Math.floor(Date.now() / 1000)
  const first = config?.providers[0]
  const canonical = config === undefined ? {} : { canonical: canonicalHosts(config) }
  return first === undefined ? { now, ...canonical } : { now, ...canonical, issuer: first.issuer, provider: first.name }
}
