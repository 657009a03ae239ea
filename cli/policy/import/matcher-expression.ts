/** Rules of Traefik 2 as trees: matchers with texts in them, `&&`, `||`, `!` and parentheses. */

export type Expression =
  | { readonly kind: 'matcher'; readonly name: string; readonly values: readonly string[] }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly [Expression, Expression] }
  | { readonly kind: 'not'; readonly part: Expression }

const token = /\s*(&&|\|\||[!(),]|`[^`]*`|"(?:[^"\\]|\\["\\])*"|[A-Za-z]+)/y

/** `undefined` for what is no such rule, or nested too deeply. */
export function parseExpression(text: string): Expression | undefined {
  const tokens = tokensOf(text)
  if (tokens === undefined) return undefined
  const reader = { tokens, at: 0 }
  const expression = readOr(reader, 0)
  return reader.at === tokens.length ? expression : undefined
}

function tokensOf(text: string): readonly string[] | undefined {
  const tokens: string[] = []
  const rest = text.trimEnd()
  for (let at = 0; at < rest.length; at = token.lastIndex) {
    token.lastIndex = at
    const [, found] = token.exec(rest) ?? []
    if (found === undefined) return undefined
    tokens.push(found)
  }
  return tokens
}

interface Reader {
  readonly tokens: readonly string[]
  at: number
}

const maxDepth = 64

const readOr = (reader: Reader, depth: number): Expression | undefined => readJoined(reader, depth, 'or')
const operators = { or: '||', and: '&&' } as const

/** `&&` binds closer than `||`, as in Go. */
function readJoined(reader: Reader, depth: number, kind: 'or' | 'and'): Expression | undefined {
  const readPart = (): Expression | undefined =>
    kind === 'or' ? readJoined(reader, depth, 'and') : readOne(reader, depth)
  let left = readPart()
  while (left !== undefined && reader.tokens[reader.at] === operators[kind]) {
    reader.at += 1
    const right = readPart()
    left = right && { kind, parts: [left, right] }
  }
  return left
}

function readOne(reader: Reader, depth: number): Expression | undefined {
  const first = reader.tokens[reader.at++]
  if (depth > maxDepth || first === undefined) return undefined
  if (first === '!') {
    const part = readOne(reader, depth + 1)
    return part && { kind: 'not', part }
  }
  if (first === '(') {
    const inner = readOr(reader, depth + 1)
    return reader.tokens[reader.at++] === ')' ? inner : undefined
  }
  return /^[A-Za-z]/.test(first) ? readMatcher(reader, first) : undefined
}

function readMatcher(reader: Reader, name: string): Expression | undefined {
  if (reader.tokens[reader.at++] !== '(') return undefined
  const values: string[] = []
  for (;;) {
    const value = reader.tokens[reader.at++] ?? ''
    if (!/^[`"]/.test(value)) return undefined
    values.push(value.startsWith('`') ? value.slice(1, -1) : value.slice(1, -1).replace(/\\(.)/g, '$1'))
    const next = reader.tokens[reader.at++]
    if (next === ')') return { kind: 'matcher', name, values }
    if (next !== ',') return undefined
  }
}
