/** `key = value` lines of oauth2-proxy: texts in quotes, numbers, booleans, and lists of them over several lines. */
import { PolicyError, type Problem } from '../../../../rbac/policy-error.ts'

export interface Setting {
  /** Counted from 1. */
  readonly line: number
  readonly values: readonly string[]
}

export type Settings = ReadonlyMap<string, Setting>

/** A list without entries and an empty text are what the program has without the setting. */
export const isSet = ({ values }: Setting): boolean => values.some(value => value !== '')

const item = /"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_.:+\uE000\uE001-]+)/g

/** Throws `PolicyError` with every line that is none of these. */
export function readSettings(file: { readonly name: string; readonly text: string }): Settings {
  const settings = new Map<string, Setting>()
  const problems: Problem[] = []
  const lines = file.text.replace(/^\uFEFF/, '').split(/\r?\n/)
  for (let index = 0; index < lines.length; index++) {
    const start = index
    let text = withoutComment(lines[index] ?? '')
    if (text === '') continue
    const [, key, first = ''] = /^([a-z0-9_]+)\s*=\s*(.*)$/.exec(text) ?? []
    text = first
    while (text.startsWith('[') && !text.endsWith(']') && index + 1 < lines.length)
      text += withoutComment(lines[++index] ?? '')
    const values = valuesOf(text)
    const isKnown = key !== undefined && values !== undefined && !settings.has(key)
    if (isKnown) settings.set(key, { line: start + 1, values })
    else
      problems.push({
        file: file.name,
        line: start + 1,
        column: 1,
        message: 'expected one setting such as key = "value"',
      })
  }
  if (problems.length > 0) throw new PolicyError(problems)
  return settings
}

const withoutComment = (line: string): string =>
  line.replace(/^((?:[^"'#]|"(?:[^"\\]|\\.)*"|'[^']*')*)#.*$/, '$1').trim()

function valuesOf(text: string): readonly string[] | undefined {
  const list = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  const values = [...list.matchAll(item)].map(
    ([, double, single, bare]) => double?.replace(/\\(.)/g, '$1') ?? single ?? bare ?? '',
  )
  const rest = list.replace(item, '').replace(/[\s,]/g, '')
  return rest === '' && (text.startsWith('[') || values.length === 1) ? values : undefined
}
