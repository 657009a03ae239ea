/** What is odd about a row's resource pattern: it matches nothing, or other paths than it seems to. */

export interface PatternFinding {
  /** It matches no path at all. */
  readonly isNever: boolean
  readonly message: string
  readonly advice: string
}

/** `undefined` where there is nothing to say. */
export function findPattern(resource: string): PatternFinding | undefined {
  if (!resource.startsWith('re:')) return undefined
  const pattern = resource.slice(3)
  return findNever(pattern) ?? findOdd(pattern)
}

/** A dot between what is written out, as in `v1.0` and `.*.pdf`; one with a quantifier means any characters. */
const bareDot = /(?:[A-Za-z0-9_-]+|[*+?})])\.[A-Za-z0-9_-]+/

const withoutClasses = (pattern: string): string => pattern.replaceAll(/\\.|\[\^?\]?(?:\\.|[^\]\\])*\]/gs, '/')

function findNever(pattern: string): PatternFinding | undefined {
  if (/[|\\()[\]]/.test(pattern)) return undefined
  if (/^[A-Za-z0-9](?![?*{])/.test(pattern)) {
    const message = `re:${pattern} matches no path: patterns are anchored, and every path starts with "/"`
    return { isNever: true, message, advice: `write re:.*${pattern} for "ends with", or start with "/"` }
  }
  if (/[A-Za-z0-9]\/$/.test(pattern)) {
    const message = `re:${pattern} matches no path: paths are matched without their trailing slash`
    return { isNever: true, message, advice: 'leave out the "/" at the end' }
  }
  return undefined
}

function findOdd(pattern: string): PatternFinding | undefined {
  if (/^\/[A-Za-z0-9/_-]*$/.test(pattern)) {
    const message = `re:${pattern} matches the path ${pattern} and nothing below it: patterns are anchored at both ends`
    return { isNever: false, message, advice: `write ${pattern}, or ${pattern.replace(/\/$/, '')}/** for all below` }
  }
  if (/^(?:\/?\.\*)(?!$)/.test(pattern)) {
    const message = `re:${pattern} starts with ".*" and so matches at any depth, also below paths that others write`
    return { isNever: false, message, advice: 'start with the fixed part of the path' }
  }
  const dot = bareDot.exec(withoutClasses(pattern))?.[0]
  if (dot !== undefined) {
    const message = `re:${pattern} takes any character for the dot of "${dot}"`
    return { isNever: false, message, advice: 'write \\. for a dot' }
  }
  if (/\{\d{3,}|\{\d*,\d{3,}/.test(pattern)) {
    const message = 're: with a large repetition costs as much as the pattern written out that often'
    return { isNever: false, message, advice: 'use * or + instead of a number of a hundred or more' }
  }
  return undefined
}
