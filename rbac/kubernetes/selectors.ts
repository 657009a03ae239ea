/**
 * What the query says of a list: whether it is a watch, and whether it is of one object (k8s.io/apimachinery
 * `fields.ParseSelector`, `runtime.Convert_Slice_string_To_bool`; Go's `url.ParseQuery`).
 */
import { refuse } from './refusal.ts'
import { checkSegment } from './segments.ts'

export interface ListOptions {
  readonly isWatch: boolean
  readonly fieldSelector?: string
  readonly labelSelector?: string
  /** The only object that `fieldSelector` lets through. */
  readonly name?: string
}

/** What the API server reads of a list, each once: it takes the first of two, others take the last. */
const single: ReadonlySet<string> = new Set([
  'watch',
  'fieldSelector',
  'labelSelector',
  'limit',
  'timeoutSeconds',
  'continue',
  'resourceVersion',
  'resourceVersionMatch',
  'allowWatchBookmarks',
  'sendInitialEvents',
  'shardSelector',
])

/** @param query with its `?`, or empty. Throws `Refused`. */
export function readListOptions(query: string): ListOptions {
  const options = parseQuery(query)
  const watch = options.get('watch')
  // Go folds letters beyond ASCII into these: `fal\u017fe` is false.
  if (watch !== undefined && !/^[A-Za-z0-9]*$/.test(watch)) refuse('query')
  for (const key of ['limit', 'timeoutSeconds']) {
    const number = options.get(key)
    // What is no number makes the server forget the selectors, and answer with an error.
    if (number !== undefined && !/^-?\d{1,18}$/.test(number)) refuse('query')
  }
  const fieldSelector = options.get('fieldSelector')
  const labelSelector = options.get('labelSelector')
  const name = nameIn(fieldSelector ?? '')
  // The server forgets the name where the labels beside it, or the shard, cannot be read.
  const isCertain = isPlainLabelSelector(labelSelector ?? '') && !options.has('shardSelector')
  if (name !== undefined && !isCertain) refuse('selector')
  return {
    isWatch: watch !== undefined && watch !== '0' && watch.toLowerCase() !== 'false',
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(name === undefined ? {} : { name }),
  }
}

function parseQuery(query: string): ReadonlyMap<string, string> {
  const options = new Map<string, string>()
  for (const pair of query.slice(1).split('&')) {
    if (pair === '') continue
    // Go drops a pair with a semicolon; others see two pairs.
    if (pair.includes(';')) refuse('query')
    const equals = pair.indexOf('=')
    const key = decode(equals === -1 ? pair : pair.slice(0, equals))
    if (options.has(key) && single.has(key)) refuse('query')
    if (!options.has(key)) options.set(key, equals === -1 ? '' : decode(pair.slice(equals + 1)))
  }
  return options
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return refuse('query')
  }
}

function nameIn(selector: string): string | undefined {
  let found: string | undefined
  for (const term of termsOf(selector)) {
    const [, field, operator, value = ''] = /^(.*?)(!=|==|=)(.*)$/s.exec(term) ?? refuse('selector')
    const unescaped = unescapeValue(value)
    if (field !== 'metadata.name' || operator === '!=') continue
    if (found !== undefined) refuse('selector')
    found = unescaped
  }
  if (found === undefined || found === '') return undefined
  checkSegment(found)
  return found
}

/** At each comma without a backslash before it. */
const termsOf = (selector: string): readonly string[] => selector.match(/(?:\\.|[^\\,]|\\$)+/gsu) ?? []

function unescapeValue(value: string): string {
  if (!/^(?:[^\\,=]|\\[\\,=])*$/su.test(value)) refuse('selector')
  return value.replace(/\\(.)/gsu, '$1')
}

const labelKey = `(?:[a-z0-9](?:[a-z0-9.-]{0,200}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?`
const labelValue = `[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?`
const requirement = `(?:(?!(?:not)?in\\b)${labelKey}(?:(?:==?|!=)(?:${labelValue})?| (?:not)?in \\(${labelValue}(?:,${labelValue})*\\))?|!(?!(?:not)?in\\b)${labelKey})`
const plainLabels = new RegExp(`^(?:${requirement}(?:,${requirement})*)?$`)

/** Never says yes wrongly: what is certainly a selector, of the usual spelling. */
const isPlainLabelSelector = (selector: string): boolean => selector.length <= 1024 && plainLabels.test(selector)
