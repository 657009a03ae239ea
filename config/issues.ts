/** What a schema issue means to the person who wrote the file: what was expected, what stands there, what was meant. */
import type { z } from 'zod'
import { suggestion } from '../spelling/nearest.ts'
import { isSectionList, namesBelow, settingAt } from './schema/settings.ts'
import { getIn, type Path, type Tree } from './tree.ts'

export interface ExplainedIssue {
  readonly path: Path
  readonly message: string
  /** The name of the setting is the problem, not its value. */
  readonly isName?: true
}

/** One issue of the schema can be several problems: every unknown name is one. */
export function explainIssue(issue: z.core.$ZodIssue, tree: Tree): ExplainedIssue[] {
  const path: Path = issue.path.map(step => (typeof step === 'number' ? step : String(step)))
  if (issue.code === 'unrecognized_keys') {
    const known = namesBelow(path)
    return issue.keys.map(key => ({
      path: [...path, key],
      message: `there is no such setting${suggestion(key, known)}`,
      isName: true,
    }))
  }
  return [{ path, message: explain(issue, path, getIn(tree, path)) }]
}

function explain(issue: z.core.$ZodIssue, path: Path, value: unknown): string {
  // An item of a list is described by the list.
  const setting = settingAt(path) ?? settingAt(path.slice(0, -1))
  if (setting === undefined) return explainSection(path, value)
  const wanted = `expected ${setting.expected}`
  if (value === undefined) return `is missing: ${wanted}`
  // A secret that stands in the wrong place or form must not reach a log with the message about it.
  const got = setting.secret === undefined ? `, got ${describe(value)}` : ''
  const isOwnSentence = issue.code === 'custom' || issue.code === 'invalid_format'
  return isOwnSentence ? `${wanted}${got}: ${ownSentence(issue.message)}` : `${wanted}${got}${bounds(issue)}`
}

function explainSection(path: Path, value: unknown): string {
  const [name] = path
  if (name === 'providers' && path.length === 1 && (value === undefined || (Array.isArray(value) && !value.length))) {
    return 'is missing: expected at least one provider, such as - { name: corp, issuer: https://idp.example.com, … }'
  }
  if (isSectionList(path) && path.length > 1 && (value === undefined || (Array.isArray(value) && !value.length))) {
    return `is missing: expected at least one entry, such as - ${namesBelow([...path, 0])[0]}: …`
  }
  if (value === undefined) return `is missing: expected settings such as ${namesBelow(path).slice(0, 3).join(', ')}`
  if (isSectionList(path)) {
    return `expected a list of ${path.at(-1)}, each starting with - ${namesBelow([...path, 0])[0]}: …`
  }
  return `expected settings such as ${namesBelow(path).slice(0, 3).join(', ')}`
}

const ownSentence = (message: string): string => message.replace(/^Invalid string: .*/, 'it has another form')

function bounds(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_small' && issue.origin !== 'string') return `: the least is ${issue.minimum}`
  if (issue.code === 'too_big' && issue.origin !== 'string') return `: the most is ${issue.maximum}`
  return ''
}

function describe(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a section'
  const isText = typeof value === 'string'
  // An address may hold a password.
  const text = isText ? JSON.stringify(value.replace(/\/\/[^/]*@/, '//…@')) : `the ${typeof value} ${String(value)}`
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
