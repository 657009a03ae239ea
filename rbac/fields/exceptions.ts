/**
 * All but these paths: `/** except /admin/** /metrics` (docs/policy.md, "All but these paths").
 *
 * The exceptions are a part of the pattern, so that a row fits a path, in each of its readings, or does not; nothing is
 * denied by it, and whoever another row lets in stays in.
 */
import { ValueError } from '../policy-error.ts'
import { parseResource, type Resource } from '../resources.ts'

interface WithExceptions {
  readonly base: string
  /** Patterns; none for a resource without exceptions. */
  readonly except: readonly string[]
}

const written = /^(.*?)\s+except(?:\s+(.*))?$/s

/** Throws `ValueError`. A regular expression has none: whatever stands in it is a part of it. */
export function splitExceptions(text: string): WithExceptions {
  const [, base, list = ''] = (text.startsWith('re:') ? undefined : written.exec(text)) ?? []
  if (base === undefined) return { base: text, except: [] }
  const except = list.split(/\s+/).filter(pattern => pattern !== '')
  if (except.length === 0) throw new ValueError('expected paths after "except": /** except /admin/** /metrics')
  return { base, except }
}

/** Of the domain of a host. Throws `ValueError`. */
export function parseHostResource(text: string): Resource {
  const { base, except } = splitExceptions(text)
  const resource = parseResource(base)
  if (except.length === 0) return resource
  const exceptions = except.map(pattern => parseException(pattern, base))
  return {
    fits: path => resource.fits(path) && !exceptions.some(({ fits }) => fits(path)),
    steps: exceptions.reduce((sum, { steps }) => sum + steps, resource.steps),
    anchor: resource.anchor,
    base,
    except,
  }
}

/** Threat: a slip in an exception, which takes nothing away and leaves open what its author believes shut. */
function parseException(pattern: string, base: string): Resource {
  if (!pattern.startsWith('/')) throw new ValueError(`an exception is a path, and "${pattern}" does not start with "/"`)
  if (/[{}]/.test(pattern)) throw new ValueError('an exception is a path without variables; ask with a condition')
  const resource = parseResource(pattern)
  if (takesAll(pattern, base)) throw new ValueError(`the exception ${pattern} leaves nothing of ${base}`)
  if (areApart(base, pattern)) throw new ValueError(`the exception ${pattern} takes nothing away from ${base}`)
  return resource
}

/** Whatever fits the base fits the exception. Says so only where it is certain. */
function takesAll(exception: string, base: string): boolean {
  const [outer, inner] = [segmentsIn(exception), segmentsIn(base)]
  const isOpen = outer.at(-1) === '**'
  if (!isOpen && (inner.at(-1) === '**' || inner.length !== outer.length)) return false
  const fixed = isOpen ? outer.slice(0, -1) : outer
  return fixed.every((segment, index) => segment === inner[index] || (segment === '*' && isOne(inner[index])))
}

const isOne = (segment: string | undefined): boolean => segment !== undefined && segment !== '**'

/** No path can fit both. Says so only where it is certain. */
function areApart(one: string, other: string): boolean {
  const [left, right] = [segmentsIn(one), segmentsIn(other)]
  for (const [index, segment] of left.entries()) {
    const opposite = right[index]
    if (segment === '**' || opposite === '**') return false
    // Where one ends, the other may only end as well, or hold nothing more than `**`.
    if (opposite === undefined) return true
    if (plain.test(segment) && plain.test(opposite) && segment !== opposite) return true
  }
  const [next] = right.slice(left.length)
  return next !== undefined && next !== '**'
}

/** What stands for itself in a pattern. */
const plain = /^[A-Za-z0-9._~-]+$/

const segmentsIn = (pattern: string): readonly string[] =>
  pattern
    .slice(1)
    .split('/')
    .filter(segment => segment !== '')
