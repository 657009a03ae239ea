/**
 * A file of suppressions, read whole or not at all. Threat: a list of which a part is left out, or a key that is mistyped
 * and so says nothing, folds something else than whoever wrote it believes.
 */
import { isMap, isSeq, LineCounter, parseDocument } from 'yaml'
import { daysSinceEpoch, parseInstant } from '../../conditions/times.ts'
import { severities } from '../finding.ts'
import { moveOf } from '../moves/table.ts'
import { subjectOf } from '../subject.ts'
import { ends, type SuppressedFindings, type Suppression } from './suppression.ts'

/** Characters: thousands of entries, and no bomb. */
const longestFile = 4 * 1024 * 1024
const longestReason = 1000
const secondsOfDay = 86_400
/** From the day of the reading. What nobody looks at for longer is forgotten, and not accepted. */
const mostDays = 366
const mostSaid = 20

type Fields = Readonly<Record<string, unknown>>

/**
 * @param now seconds since the epoch
 * @throws Error with a sentence for each mistake, and its line
 */
export function readSuppressions(text: string, now: number): readonly Suppression[] {
  if (text.length > longestFile) throw new Error(`the suppressions are no list: more than ${longestFile} characters`)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, stringKeys: true })
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined) throw new Error(`the suppressions are no YAML: ${problem.message.split('\n', 1)[0]}`)
  if (!isSeq(document.contents)) throw new Error('the suppressions are no list: each begins with "- id:"')
  const mistakes: string[] = []
  const list = document.contents.items.flatMap((item, at) => {
    const start = isMap(item) ? item.range?.[0] : undefined
    const line = start === undefined ? undefined : lines.linePos(start).line
    try {
      if (line === undefined) throw new Error('it is no entry with id, reason, expires, role, severity and leadsTo')
      // An alias could hold what stands elsewhere in the file, and is needed for nothing.
      return [entryOf(item.toJS(document, { maxAliasCount: 0 }) as Fields, { line, now })]
    } catch (error) {
      mistakes.push(`line ${line ?? `of entry ${at + 1}`}: ${error instanceof Error ? error.message : String(error)}`)
      return []
    }
  })
  mistakes.push(...repeated(list))
  if (mistakes.length === 0) return list
  const more = mistakes.length > mostSaid ? [`and ${mistakes.length - mostSaid} more`] : []
  throw new Error(['the suppressions cannot be used:', ...mistakes.slice(0, mostSaid), ...more].join('\n  '))
}

/** Of two entries for one thing nobody knows which date or reason counts. */
function repeated(list: readonly Suppression[]): readonly string[] {
  const seen = new Map<string, number>()
  return list.flatMap(({ of, line }) => {
    const key = JSON.stringify('id' in of ? [of.id] : [of.subject, of.move, of.scope ?? null])
    const before = seen.get(key)
    seen.set(key, line)
    return before === undefined ? [] : [`line ${line}: the same is suppressed in line ${before}`]
  })
}

const keys = ['id', 'subject', 'move', 'scope', 'reason', 'expires', 'role', 'severity', 'leadsTo']

function entryOf(fields: Fields, { line, now }: { readonly line: number; readonly now: number }): Suppression {
  const unknown = Object.keys(fields).find(key => !keys.includes(key))
  if (unknown !== undefined) throw new Error(`${JSON.stringify(unknown)} is no key: there are ${keys.join(', ')}`)
  return {
    of: findingsOf(fields),
    reason: reasonOf(fields.reason),
    ...expiryOf(fields.expires, now),
    role: hashOf(fields.role),
    severity: oneOf(severities, 'severity', fields),
    leadsTo: oneOf(ends, 'leadsTo', fields),
    line,
  }
}

function findingsOf({ id, subject, move, scope }: Fields): SuppressedFindings {
  const others = [subject, move, scope].filter(one => one !== undefined)
  if (id !== undefined) {
    if (others.length > 0) throw new Error('id says it all: leave subject, move and scope away')
    if (typeof id !== 'string' || id === '') throw new Error('id is no text')
    return { id }
  }
  if (typeof subject !== 'string' || typeof move !== 'string')
    throw new Error('id is needed, or subject and move: which finding it is about')
  subjectOf(subject)
  if (moveOf(move) === undefined) throw new Error(`there is no move ${JSON.stringify(move)}`)
  if (scope === undefined) return { subject, move }
  if (typeof scope !== 'string' || scope === '')
    throw new Error('scope is no text: a namespace, or "*" for the whole cluster')
  return { subject, move, scope }
}

/** A letter or a digit. Threat: what nobody sees (a zero-width space, a filler of Hangul) is no reason, and looks like one that was given. */
const isSaying = /[\p{L}\p{N}]/u

function reasonOf(reason: unknown): string {
  if (typeof reason !== 'string' || !isSaying.test(reason.replace(/\p{DI}/gu, '')))
    throw new Error('reason is needed: why it is accepted, in one sentence')
  if (reason.length > longestReason) throw new Error(`reason has more than ${longestReason} characters`)
  return reason.trim()
}

function expiryOf(expires: unknown, now: number): Pick<Suppression, 'expires' | 'until'> {
  if (typeof expires !== 'string') throw new Error('expires is needed: a date such as 2026-12-31')
  const days = daysSinceEpoch(expires)
  const seconds = days === undefined ? parseInstant(expires) : days * secondsOfDay
  if (seconds === undefined) throw new Error('expires is no date: write 2026-12-31, or 2026-12-31T12:00:00Z')
  if (seconds - now > mostDays * secondsOfDay)
    throw new Error(`expires is more than ${mostDays} days away: look at it again before that`)
  return { expires: seconds, until: expires }
}

function hashOf(role: unknown): string {
  if (typeof role !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(role))
    throw new Error('role is needed, as --suppress-draft writes it: sha256: and 64 digits')
  return role
}

function oneOf<Value extends string>(values: readonly Value[], name: string, fields: Fields): Value {
  const found = values.find(value => value === fields[name])
  if (found === undefined) throw new Error(`${name} is needed: ${values.join(', ')}`)
  return found
}
