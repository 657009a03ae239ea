/** Compiles a policy, runs its tests, and says what there is or everything that is wrong with it. */
import type { Config } from '../../config/config.ts'
import { laxClustersOf } from '../../config/direct-clusters.ts'
import { knownTokensOf } from '../../config/machine-names.ts'
import { returnHostsOf } from '../../config/return-hosts.ts'
import { certificateRows, describeNoCertificate } from '../../rbac/asking/certificate-rows.ts'
import { describeNoReturn, findNoReturn } from '../../rbac/asking/return-hosts.ts'
import { unusedRow, unusedTokenRows } from '../../rbac/kubernetes/token-question.ts'
import { lintNames } from '../../rbac/lint/lint.ts'
import { findUnmet } from '../../rbac/lint/unmet-rows.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { PolicyError } from '../../rbac/policy-error.ts'
import { failedTests, runPolicyTests } from '../../rbac/testing/policy-test-run.ts'
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { findingsText } from './findings-text.ts'
import { loadPolicy, type PolicyChoice } from './load-policy.ts'
import { testDefaults } from './test-defaults.ts'

/** What no login would lead back to, and what asks for certificates that never come; `policy lint` says more. */
function configurationReport({ rows }: PolicySnapshot, config: Config | undefined, { colors }: Terminal): string {
  if (config === undefined) return ''
  const found = findNoReturn(rows, returnHostsOf(config)).filter(({ isPartly }) => !isPartly)
  const withoutHeader = config.server.clientCertificateHeader === undefined ? certificateRows({ rows }) : []
  const said = [
    ...found.map(row => ({ id: row.id, ...describeNoReturn(row) })),
    ...unusedTokenRows(rows, laxClustersOf(config)).map(({ id }) => ({ id, ...unusedRow })),
    ...findUnmet(rows, knownTokensOf(config)),
    ...withoutHeader.map(row => ({ id: row.id, ...describeNoCertificate(row) })),
  ]
  return said
    .map(({ id, message, advice }) => `${id}  ${colors.yellow('warning')}  ${message}\n    ${advice}\n`)
    .join('')
}

export async function checkPolicy(
  choice: PolicyChoice & { readonly json?: boolean },
  terminal: Terminal,
): Promise<number> {
  try {
    const { directory, snapshot, texts, config } = await loadPolicy(choice, terminal)
    const pause = async (): Promise<void> => terminal.progress(() => `testing ${directory}`)
    const results = await runPolicyTests(snapshot, texts.tests ?? [], { ...testDefaults(config), pause })
    const failed = failedTests(results)
    if (failed !== undefined) throw failed
    const { revision, rowCount, domains } = snapshot
    if (choice.json === true) {
      const size = { rows: rowCount, domains: domains.length }
      terminal.write(`${JSON.stringify({ ok: true, directory, revision, ...size, findings: lintNames(snapshot) })}\n`)
    } else {
      const size = `${rowCount} rows over ${domains.length} domains`
      terminal.write(`${terminal.colors.green('ok')}: ${directory}, ${size}, revision ${revision}\n`)
      terminal.write(configurationReport(snapshot, config, terminal))
      terminal.write(findingsText(lintNames(snapshot), terminal.colors))
    }
    return exitCodes.ok
  } catch (error) {
    if (choice.json !== true || !(error instanceof PolicyError)) return reportError(error, terminal)
    terminal.write(`${JSON.stringify({ ok: false, problems: error.problems })}\n`)
    return exitCodes.usage
  }
}
