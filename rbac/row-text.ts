/** A row as it stands in a policy file, for people who look for it. */
import type { Row } from './row.ts'

export function rowText(row: Row): string {
  const { domain, resource, condition } = row.written ?? row
  return `p, ${[row.subject, domain, resource, row.action, condition, row.effect].map(quoted).join(', ')}`
}

const quoted = (field: string): string => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)
