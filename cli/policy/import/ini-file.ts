/** Settings of traefik-forward-auth: `key = value` lines, or the older `key value` of the same keys. */
import { PolicyError } from '../../../rbac/policy-error.ts'

export interface Setting {
  /** Counted from 1. */
  readonly line: number
  /** In lower case, but for the name of a rule. */
  readonly key: string
  readonly value: string
}

/**
 * In their order, repeated ones each. A file in which any line has no `=` is read in the older form as a whole, as the
 * program itself does.
 *
 * Throws `PolicyError` with every line that is no setting.
 */
export function readIni(file: { readonly name: string; readonly text: string }): readonly Setting[] {
  const lines = file.text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((text, index) => ({ line: index + 1, text: text.trim() }))
    .filter(({ text }) => text !== '' && !/^[;#]/.test(text) && !/^\[Application Options\]$/i.test(text))
  const isOlder = lines.some(({ text }) => !text.includes('='))
  const read = lines.map(({ line, text }) => ({ line, setting: (isOlder ? older : plain)(line, text) }))
  const problems = read
    .filter(({ setting }) => setting === undefined)
    .map(({ line }) => ({ file: file.name, line, column: 1, message: 'expected one setting such as key = value' }))
  if (problems.length > 0) throw new PolicyError(problems)
  return read.flatMap(({ setting }) => setting ?? [])
}

function plain(line: number, text: string): Setting | undefined {
  const [, key = '', value = ''] = /^([A-Za-z0-9_.-]+)\s*=\s*(.*)$/.exec(text) ?? []
  const unquoted = unquote(value)
  return key === '' || unquoted === undefined ? undefined : { line, key: keyOf(key), value: unquoted }
}

function older(line: number, text: string): Setting | undefined {
  const [, key = '', value = ''] = /^([a-z-]+) ([^=].*)$/.exec(text) ?? []
  return key === '' ? undefined : { line, key, value: value.trim() }
}

const keyOf = (key: string): string => (/^rule\./i.test(key) ? key : key.toLowerCase())

/** `undefined` for a text in quotes that does not end, or that escapes more than a quote and a backslash. */
function unquote(value: string): string | undefined {
  if (!value.startsWith('"')) return value
  const [, body] = /^"((?:[^"\\]|\\["\\])*)"$/.exec(value) ?? []
  return body?.replace(/\\(.)/g, '$1')
}
