/** Which tests name which abuse case: read from the sources of the tests, so that it is the same on every machine. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { parse } from 'yaml'

/** A name that a test, a row of its table, a scenario or a golden case has, and the ids in it. */
export interface CaseName {
  /** Path in the checkout, with slashes. */
  readonly file: string
  /** With the names of the groups that it stands in. */
  readonly name: string
  readonly ids: readonly string[]
}

const root = join(import.meta.dirname, '../..')
const idPattern = /\b([A-M])(\d{2,3})\b(?:(?: to |–)\1(\d{2,3})\b)?/g

/** Every id of a text; `B01 to B12` and `B01–B12` are twelve. */
export function idsIn(text: string): string[] {
  return [...text.matchAll(idPattern)].flatMap(([, family = '', first = '', last = first]) => {
    const count = Number(last) - Number(first) + 1
    return Array.from(
      { length: Math.max(count, 0) },
      (_, index) => `${family}${`${Number(first) + index}`.padStart(2, '0')}`,
    )
  })
}

/** The names of all tests that hold an id, by file and in the order of the file; each once. */
export function caseNames(): CaseName[] {
  const files = readdirSync(join(root, 'tests'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /\.(ts|yaml)$/.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name))
    // The tests of this very reading have examples of names.
    .filter(path => !path.startsWith(import.meta.dirname))
    .sort()
  return files.flatMap(path => {
    const text = readFileSync(path, 'utf8')
    const file = relative(root, path).replaceAll('\\', '/')
    const found = file.endsWith('.ts') ? namesInSource(text) : namesInGoldenCases(text)
    const named = found.filter(({ ids }) => ids.length > 0).map(({ name, ids }) => [name, { file, name, ids }] as const)
    return [...new Map(named).values()]
  })
}

type Name = Omit<CaseName, 'file'>

function namesInGoldenCases(text: string): Name[] {
  const file = parse(text) as { cases?: readonly { name?: string }[] } | null
  return (file?.cases ?? []).map(({ name = '' }) => ({ name, ids: idsIn(name) }))
}

/** Names in the source of a test file; what stands in other texts and in comments is no name. */
export function namesInSource(text: string): Name[] {
  if (idsIn(text).length === 0) return []
  const names: Name[] = []
  const visit = (node: ts.Node, groups: readonly string[]): void => {
    const add = (own: string) => names.push({ name: [...groups, own].join(' › '), ids: idsIn(own) })
    const title = titleOf(node)
    if (title === undefined) {
      const name = nameInData(node)
      if (name !== undefined) add(name)
      ts.forEachChild(node, child => visit(child, groups))
      return
    }
    const { expression, arguments: given } = node as ts.CallExpression
    add(title)
    for (const row of rowsOf(expression)) add(filled(title, row))
    // `on %s` and the like tell nothing without their table.
    const inner = /^(on )?%s$/.test(title) ? groups : [...groups, title]
    for (const argument of given) visit(argument, inner)
  }
  visit(ts.createSourceFile('test.ts', text, ts.ScriptTarget.Latest, true), [])
  return names
}

/** The title of a call of `describe`, `it` or `test`, with whatever stands between that word and the title. */
function titleOf(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node)) return undefined
  let callee: ts.Expression = node.expression
  while (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee)) callee = callee.expression
  if (!ts.isIdentifier(callee) || !['describe', 'it', 'test'].includes(callee.text)) return undefined
  return node.arguments[0] && textOf(node.arguments[0])
}

function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text
  return ts.isTemplateExpression(node) ? node.getText().slice(1, -1) : undefined
}

/** Of each row of an `each`, the text that names it: the first with an id. */
function rowsOf(expression: ts.Expression): string[] {
  const tables: ts.ArrayLiteralExpression[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isArrayLiteralExpression(node)) tables.push(node)
    else ts.forEachChild(node, visit)
  }
  visit(expression)
  return tables.flatMap(table => table.elements.map(firstWithId).filter(text => text !== undefined))
}

function firstWithId(node: ts.Node): string | undefined {
  const text = textOf(node)
  if (text !== undefined) return idsIn(text).length > 0 ? text : undefined
  return ts.forEachChild(node, firstWithId)
}

const filled = (title: string, row: string): string =>
  title.includes('%s') ? title.replace('%s', () => row) : `${title}: ${row}`

/** The name of a scenario (`name: '…'`), or of a row in a table that stands by itself. */
function nameInData(node: ts.Node): string | undefined {
  if (ts.isPropertyAssignment(node) && node.name.getText() === 'name') return textOf(node.initializer)
  return ts.isArrayLiteralExpression(node) && node.elements[0] ? textOf(node.elements[0]) : undefined
}
