/** Looks at what a configuration names: its providers, its store, its policy. */
import { createProviderWays } from '../../../app/login/provider/outbound.ts'
import type { Config } from '../../../config/config.ts'
import type { PolicySnapshot } from '../../../rbac/policy.ts'
import type { Terminal } from '../../terminal.ts'
import type { Finding } from '../findings.ts'
import type { Check } from './check.ts'
import { cookieChecks } from './cookie-checks.ts'
import { providerChecks } from './provider-checks.ts'
import { socketChecks } from './socket-checks.ts'
import { storeChecks } from './store-checks.ts'

export async function examineConfiguration(
  config: Config,
  policy: PolicySnapshot,
  terminal: Terminal,
): Promise<readonly Finding[]> {
  const ways = createProviderWays()
  const checks: readonly Check[] = [
    ...config.providers.flatMap(settings => providerChecks(settings, config.server.url, ways.to(settings.ca))),
    ...storeChecks(config.sessions.store),
    ...cookieChecks(config, policy.domains),
    ...socketChecks(config),
  ]
  try {
    const findings: Finding[] = []
    for (const { name, title, run } of checks) {
      terminal.progress(() => title)
      findings.push({ probe: name, title, docs: `docs/doctor.md#${name}`, ...(await run()) })
    }
    return findings
  } finally {
    await ways.close()
  }
}
