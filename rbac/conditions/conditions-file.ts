/**
 * `conditions.yaml`: names for typed criteria, nested by `any` and `all` (docs/policy.md, "Conditions").
 *
 * Every problem is found in one reading, each with its line and column. Aliases are refused: a file about who may enter
 * should say what it means where it says it.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml'
import { type Problem, ValueError } from '../policy-error.ts'
import { unknownName } from '../unknown-name.ts'
import type { Condition } from './condition.ts'
import { criteria } from './registry.ts'

export interface ConditionsFile {
  readonly name: string
  readonly text: string
  /** Whose it is: its conditions are known to rows of the same owner alone. */
  readonly owner?: { readonly name: string }
}

export type Conditions = ReadonlyMap<string, Condition>

/** Nested deeper than anyone can read, and the recursion here has an end. */
const maxDepth = 32
const conditionName = /^[A-Za-z][A-Za-z0-9_.-]{0,99}$/
const combinators = ['any', 'all']

/** The conditions of all files together. Adds to `problems` and leaves out what it cannot read. */
export function parseAllConditions(files: readonly ConditionsFile[], problems: Problem[]): Conditions {
  const conditions = new Map<string, Condition>()
  const placeOf = new Map<string, string>()
  for (const file of files) parseConditions(file, problems, conditions, placeOf)
  return conditions
}

/** `placeOf` says where each name was given; a second time is a problem, because one of the two would be passed over. */
function parseConditions(
  file: ConditionsFile,
  problems: Problem[],
  conditions: Map<string, Condition>,
  placeOf: Map<string, string>,
): void {
  const reader = createReader(file, problems)
  if (reader.root === null) return
  if (!isMap(reader.root)) {
    reader.report(reader.root, 'expected a mapping of names to conditions')
    return
  }
  for (const pair of reader.root.items) {
    const name = keyOf(pair)
    if (!conditionName.test(name))
      reader.report(pair.key, 'a name starts with a letter and holds letters, digits, "-", "_" and "."')
    const condition = reader.parse(pair.value ?? pair.key, 0)
    const place = placeOf.get(name)
    if (place !== undefined) reader.report(pair.key, `the condition ${name} is also given at ${place}`)
    placeOf.set(name, place ?? reader.placeOf(pair.key))
    if (condition !== undefined) conditions.set(name, condition)
  }
}

const keyOf = (pair: Pair): string => (isScalar(pair.key) ? String(pair.key.value) : '')

interface Reader {
  readonly root: unknown
  readonly report: (at: unknown, message: string) => void
  /** `file:line` */
  readonly placeOf: (at: unknown) => string
  readonly parse: (node: unknown, depth: number) => Condition | undefined
}

function createReader(file: ConditionsFile, problems: Problem[]): Reader {
  const lines = new LineCounter()
  const reportAt = (offset: number, message: string): void => {
    const { line, col } = lines.linePos(offset)
    problems.push({ file: file.name, line: Math.max(line, 1), column: Math.max(col, 1), message })
  }
  const offsetOf = (at: unknown): number => (at as Node | null)?.range?.[0] ?? 0
  const report = (at: unknown, message: string): void => reportAt(offsetOf(at), message)
  const placeOf = (at: unknown): string => `${file.name}:${Math.max(lines.linePos(offsetOf(at)).line, 1)}`

  const parse = (node: unknown, depth: number): Condition | undefined => {
    if (!isMap(node) || node.items.length !== 1) {
      report(node, `expected exactly one of ${[...Object.keys(criteria), ...combinators].join(', ')}`)
      return undefined
    }
    const [pair] = node.items
    const type = pair === undefined ? '' : keyOf(pair)
    if (type === 'any' || type === 'all') return parseParts(type, pair?.value ?? node, depth)
    return parseCriterion(type, node, pair?.value)
  }

  const parseParts = (kind: 'any' | 'all', list: unknown, depth: number): Condition | undefined => {
    if (!isSeq(list) || list.items.length === 0 || depth >= maxDepth) {
      report(list, depth >= maxDepth ? `nested deeper than ${maxDepth}` : `${kind}: expected a list of conditions`)
      return undefined
    }
    const parts = list.items.map(item => parse(item, depth + 1))
    const known = parts.filter(part => part !== undefined)
    return known.length === parts.length ? { kind, of: known } : undefined
  }

  const parseCriterion = (type: string, node: YAMLMap, value: unknown): Condition | undefined => {
    const parseArguments = Object.hasOwn(criteria, type) ? criteria[type] : undefined
    if (parseArguments === undefined) {
      report(node.items[0]?.key ?? node, unknownName('condition', type, [...Object.keys(criteria), ...combinators]))
      return undefined
    }
    try {
      const argument: unknown = (value as Node | null)?.toJS(document) ?? null
      return { kind: 'criterion', argument, ...parseArguments(argument) }
    } catch (error) {
      if (!(error instanceof ValueError)) throw error
      report(findKey(value, error.key) ?? value ?? node, `${type}: ${error.message}`)
      return undefined
    }
  }

  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false })
  for (const { pos, message } of [...document.errors, ...document.warnings]) reportAt(pos[0], message)
  visit(document, (_, node) => {
    if (isAlias(node)) report(node, 'aliases are not supported; write the condition out')
  })
  const isReadable = problems.every(problem => problem.file !== file.name)
  return { root: isReadable ? document.contents : null, report, placeOf, parse }
}

function findKey(value: unknown, key: string | undefined): unknown {
  return isMap(value) ? value.items.find(pair => keyOf(pair) === key)?.key : undefined
}
