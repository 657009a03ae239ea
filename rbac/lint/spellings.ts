/** Names that a provider may spell otherwise than a row does, which then misses without a word. */
import type { RoleRow } from '../roles.ts'
import type { Row } from '../row.ts'
import { foldSpelling } from '../subjects.ts'
import { subjectsAskedFor } from './conditions.ts'
import type { Report } from './finding.ts'

/** Zero width, soft hyphens, marks of direction, spaces that are none: nobody sees them. */
const invisible = /\p{Cf}|(?! )\p{Zs}/u

export function findSpellings(rows: readonly Row[], roles: readonly RoleRow[], report: Report): void {
  const inspect = (id: string, name: string, isDeny: boolean): void => {
    const problem = problemOf(name, isDeny)
    if (problem !== undefined) report('subject-spelling', id, problem)
  }
  for (const { id, subject, isDeny } of rows) inspect(id, subject, isDeny)
  // A role may stand in rows of both effects: where it allows, its members are met as they are spelt.
  for (const { id, member } of roles) inspect(id, member, false)
  for (const { id, name } of subjectsAskedFor(rows)) inspect(id, name, false)
}

interface Problem {
  readonly message: string
  readonly advice: string
  /** A note where the provider may well spell it so. */
  readonly severity?: 'note'
}

function problemOf(name: string, isDeny: boolean): Problem | undefined {
  const value = name.slice(name.indexOf(':') + 1)
  if (invisible.test(value)) {
    return { message: `${shown(name)} holds a character that nobody sees`, advice: 'write the name again by hand' }
  }
  if (name.startsWith('email:')) return isDeny ? undefined : addressProblem(name, value)
  if (value.normalize('NFC') !== value) {
    const message = `${name} is met only where the provider writes its accents apart from the letters`
    return { message, advice: 'write it composed (NFC), or both ways', severity: 'note' }
  }
  if (name.startsWith('service-account:') && /[A-Z]/.test(value)) {
    return { message: `${name} is nobody: Kubernetes names have no capitals`, advice: 'write it in lower case' }
  }
  return undefined
}

function addressProblem(name: string, value: string): Problem | undefined {
  if (foldSpelling(value) === value) return undefined
  const message = `${name} is met in this spelling only, and not as ${foldSpelling(value)}`
  return { message, advice: 'write it as the provider does; rows that deny meet any spelling', severity: 'note' }
}

const shown = (name: string): string =>
  name.replaceAll(/(?! )[\p{Cf}\p{Zs}]/gu, sign => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`)
