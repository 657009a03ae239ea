/** Lints a policy directory with what the configuration knows of providers and proxies. */
import { isSuffix } from '../../config/checks/public-suffix.ts'
import type { Config } from '../../config/config.ts'
import { knownTokensOf } from '../../config/machine-names.ts'
import { returnHostsOf } from '../../config/return-hosts.ts'
import type { Finding } from '../../rbac/lint/finding.ts'
import { type LintOptions, lintPolicy } from '../../rbac/lint/lint.ts'
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { findingsText } from './findings-text.ts'
import { loadPolicy, type PolicyChoice } from './load-policy.ts'
import { momentOf } from './moments.ts'

export interface LintChoice extends PolicyChoice {
  /** RFC 3339. */
  readonly at?: string
  readonly strict?: boolean
  readonly json?: boolean
}

export async function lintDirectory(choice: LintChoice, terminal: Terminal): Promise<number> {
  try {
    const now = momentOf(choice.at)
    const { texts, snapshot, config, directory } = await loadPolicy(choice, terminal)
    terminal.progress(() => `looking at ${snapshot.rowCount} rows`)
    const findings = lintPolicy(snapshot, texts, { now, isPublicSuffix: isSuffix, ...knownFrom(config) })
    terminal.write(choice.json === true ? jsonReport(findings) : textReport(findings, directory, terminal))
    const hasWarning = findings.some(({ severity }) => severity === 'warning')
    return hasWarning && choice.strict === true ? exitCodes.failure : exitCodes.ok
  } catch (error) {
    return reportError(error, terminal)
  }
}

function knownFrom(config: Config | undefined): LintOptions {
  if (config === undefined) return {}
  return {
    issuers: config.providers.map(({ issuer }) => issuer),
    hasTrustedProxies: config.server.trustedProxies.length > 0,
    hasCertificateHeader: config.server.clientCertificateHeader !== undefined,
    expiryWarning: config.policy.expiryWarning,
    returnHosts: returnHostsOf(config),
    tokens: knownTokensOf(config),
    userClaims: new Map(config.kubernetes?.clusters.map(({ name, userClaim }) => [name, userClaim])),
  }
}

const jsonReport = (findings: readonly Finding[]): string => `${JSON.stringify({ findings }, null, 2)}\n`

function textReport(findings: readonly Finding[], directory: string, { colors }: Terminal): string {
  if (findings.length === 0) return `${colors.green('ok')}: nothing to say about ${directory}\n`
  const warnings = findings.filter(({ severity }) => severity === 'warning').length
  const notes = findings.length - warnings
  const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`
  return `${findingsText(findings, colors)}${count(warnings, 'warning')}, ${count(notes, 'note')}\n`
}
