/** YAML in which every value knows its line; nothing is read that was not asked for. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { PolicyError } from '../../../rbac/policy-error.ts'
import { hasTemplate } from './templates.ts'

export interface Located {
  /** Counted from 1. */
  readonly line: number
  /** Text, number or boolean; `undefined` for lists, mappings and nothing. */
  readonly scalar: string | number | boolean | undefined
  /** The text around a template that has no value. It is no `scalar`: whoever reads it as one would take it for a name. */
  readonly template?: string
  /** Items of a list; `undefined` for everything else. */
  readonly items: readonly Located[] | undefined
  /** Values of a mapping by key; `undefined` for everything else. */
  readonly fields: ReadonlyMap<string, Located> | undefined
}

/** Throws `PolicyError` for what is no YAML. Aliases are followed, as the programs that read these files do. */
export function parseLocated(name: string, text: string): Located {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true })
  const problems = document.errors.map(({ pos, message }) => {
    const { line, col } = lines.linePos(pos[0])
    return { file: name, line: Math.max(line, 1), column: Math.max(col, 1), message }
  })
  if (problems.length > 0) throw new PolicyError(problems)

  const locate = (node: unknown, parentLine: number, depth: number): Located => {
    if (depth > 64) throw new PolicyError([{ file: name, line: parentLine, column: 1, message: 'nested too deeply' }])
    const resolved = isAliased(node) ? node.resolve(document) : node
    const offset = (node as Node | null)?.range?.[0]
    const line = offset === undefined ? parentLine : Math.max(lines.linePos(offset).line, 1)
    const nothing = { line, scalar: undefined, items: undefined, fields: undefined }
    if (isSeq(resolved)) return { ...nothing, items: resolved.items.map(item => locate(item, line, depth + 1)) }
    if (isMap(resolved)) {
      const entries = resolved.items.map(pair => {
        const keyLine = locate(pair.key, line, depth + 1).line
        const value = locate(pair.value, keyLine, depth + 1)
        return [String(isScalar(pair.key) ? pair.key.value : ''), { ...value, line: keyLine }] as const
      })
      return { ...nothing, fields: new Map(entries) }
    }
    const value = isScalar(resolved) ? resolved.value : undefined
    if (typeof value === 'string' && hasTemplate(value)) return { ...nothing, template: value }
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    return { ...nothing, scalar: isPlain ? value : undefined }
  }
  return locate(document.contents, 1, 0)
}

interface Aliased {
  resolve(document: unknown): unknown
}

const isAliased = (node: unknown): node is Aliased =>
  typeof node === 'object' && node !== null && 'resolve' in node && typeof node.resolve === 'function'

/** Texts of a list, or one text alone; `undefined` when any item is no text. */
export function textsOf(value: Located | undefined): readonly string[] | undefined {
  if (value === undefined) return []
  const items = value.items ?? [value]
  const texts = items.map(({ scalar }) => scalar)
  return texts.every(text => typeof text === 'string') ? texts : undefined
}

/** What holds a template without a value, wherever it stands in this one. */
export function templatesIn(value: Located): readonly Located[] {
  if (value.template !== undefined) return [value]
  return [...(value.items ?? []), ...(value.fields?.values() ?? [])].flatMap(templatesIn)
}
