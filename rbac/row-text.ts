/** A row as it stands in a policy file, for people who look for it. */
import type { Row } from './row.ts'

export const rowText = ({ subject, domain, resource, action, condition, effect }: Row): string =>
  `p, ${[subject, domain, resource, action, condition, effect].map(quoted).join(', ')}`

const quoted = (field: string): string => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)
