/** What lint found, as a person reads it. */
import type { Finding } from '../../rbac/lint/finding.ts'
import { printable } from '../../spelling/printable.ts'
import type { Terminal } from '../terminal.ts'

/** Two lines for each. */
export function findingsText(findings: readonly Finding[], colors: Terminal['colors']): string {
  const lines = findings.map(({ file, line, severity, rule, message, advice }) => {
    const paint = severity === 'warning' ? colors.yellow : colors.dim
    return `${file}:${line}  ${paint(severity)}  ${printable(message)} [${rule}]\n    ${advice}\n`
  })
  return lines.join('')
}
