/** The configuration file: YAML 1.2 text to a tree, with the line and column of every path. */
import {
  type Document,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseAllDocuments,
  visit,
  type YAMLParseError,
} from 'yaml'
import type { ConfigProblem } from './problems.ts'
import { isTree, type Path, type Tree } from './tree.ts'

export interface ConfigDocument {
  readonly tree: Tree
  readonly problems: readonly ConfigProblem[]
  /** Position of the value (or the name) at a path, or of the nearest thing around it; from 1. */
  readonly positionOf: (path: Path, what?: 'value' | 'name') => Position | undefined
}

interface Position {
  readonly line: number
  readonly column: number
}

// These say what is missing or twice; all others repeat text of the file behind a colon, a quote or a backslash.
const wordedByItself: readonly string[] = ['MISSING_CHAR', 'DUPLICATE_KEY', 'BAD_INDENT']

/** The sentence of the parser without any text of the file: what it stumbled over could be a secret. */
function withoutFileText({ code, message }: YAMLParseError): string {
  return wordedByItself.includes(code) ? message : message.replace(/\s*[:"'\\].*$/s, '')
}

/** Node of the value at the path; of the key for the last step when `ofKey`. */
function nodeAt(root: Node | null, path: Path, ofKey = false): Node | undefined {
  let node: unknown = root
  for (const [index, step] of path.entries()) {
    if (!isNode(node)) return undefined
    if (isMap(node)) {
      const pair = node.items.find(item => isScalar(item.key) && String(item.key.value) === String(step))
      if (!isPair(pair)) return undefined
      node = ofKey && index === path.length - 1 ? pair.key : (pair.value ?? pair.key)
    } else {
      node = 'get' in node && typeof node.get === 'function' ? node.get(step, true) : undefined
    }
  }
  return isNode(node) ? node : undefined
}

/** Reads the text. Never throws: a text that is no YAML gives an empty tree and its problems. */
export function parseDocument(source: string, text: string): ConfigDocument {
  const lines = new LineCounter()
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const problems: ConfigProblem[] = []
  const report = (offset: number, message: string) => problems.push({ source, ...position(offset), path: '', message })

  const [document, second] = Array.isArray(documents) ? documents : []
  for (const error of document?.errors ?? []) report(error.pos[0], `not YAML: ${withoutFileText(error)}`)
  if (second !== undefined) report(second.range[0], 'expected one document, got several (separated by ---)')

  const root = document?.contents ?? null
  const tree: unknown = problems.length > 0 || document === undefined ? {} : readTree(document, report)
  if (tree !== null && !isTree(tree)) report(root?.range?.[0] ?? 0, 'expected sections such as server: and providers:')

  return {
    tree: isTree(tree) ? tree : {},
    problems,
    positionOf(path, what = 'value') {
      for (let length = path.length; length > 0; length--) {
        const isName = what === 'name' || length < path.length
        const node = nodeAt(root, path.slice(0, length), isName)
        if (node?.range) return position(node.range[0])
      }
      return undefined
    },
  }
}

function readTree(document: Document.Parsed, report: (offset: number, message: string) => void): unknown {
  try {
    return document.toJS()
  } catch {
    const unresolved = findUnresolvedAlias(document)
    // Aliases can be nested until a few lines stand for billions of values; the parser refuses to follow those.
    if (unresolved === undefined) report(0, 'the aliases of this file stand for too many values')
    else
      report(unresolved, 'a value that starts with * is an alias, and this one has no anchor; put the text in quotes')
    return {}
  }
}

function findUnresolvedAlias(document: Document.Parsed): number | undefined {
  let offset: number | undefined
  visit(document, {
    Alias(_, node) {
      if (node.resolve(document) !== undefined) return undefined
      offset = node.range?.[0]
      return visit.BREAK
    },
  })
  return offset
}
