/** Parts of the matcher of a Casbin model, cut without running it. */

/** Texts within quotes are blanked, so that places stay. */
export const withoutTexts = (text: string): string =>
  text.replace(/"[^"]*"|'[^']*'/g, found => `"${'_'.repeat(found.length - 2)}"`)

/** Cuts at an operator that stands outside of all parentheses; `plain` is the text without texts. */
export function split(text: string, plain: string, operator: string): string[] {
  const parts: string[] = []
  let [depth, start] = [0, 0]
  for (let index = 0; index < plain.length; index++) {
    if ('(['.includes(plain[index] ?? '')) depth += 1
    if (')]'.includes(plain[index] ?? '')) depth -= 1
    if (depth === 0 && plain.startsWith(operator, index)) {
      parts.push(text.slice(start, index).trim())
      start = index + operator.length
    }
  }
  return [...parts, text.slice(start).trim()]
}

/** Those that all have to hold, each within any number of parentheses. */
export const termsOf = (alternative: string): string[] =>
  split(alternative, withoutTexts(alternative), '&&').map(unwrapped)

/** Those of which one has to. */
export const choicesOf = (term: string): string[] => split(term, withoutTexts(term), '||').map(unwrapped)

function unwrapped(text: string): string {
  const plain = withoutTexts(text)
  if (!plain.startsWith('(') || closing(plain, 1) !== plain.length - 1) return text
  return unwrapped(text.slice(1, -1).trim())
}

/** Where the parenthesis ends that is open at `start`. */
export function closing(plain: string, start: number): number {
  let depth = 1
  for (let index = start; index < plain.length; index++) {
    if (plain[index] === '(') depth += 1
    if (plain[index] === ')') depth -= 1
    if (depth === 0) return index
  }
  return plain.length
}
