/**
 * What is wrong with a JSON text that `JSON.parse` takes.
 *
 * Threat: `{"sub":"robot","sub":"admin"}` is read by one parser as one and by another as the other (RFC 8725 section 2.4,
 * RFC 8259 section 4). `JSON.parse` takes the last one and says nothing.
 *
 * Threat: thousands of lists within each other, which `JSON.parse` reads and `JSON.stringify` cannot write again: somebody who is
 * let in, and whom nothing can write down.
 */

/** `duplicate`: a name stands twice in one object; `depth`: objects and lists are nested deeper than `deepest`. */
export type JsonFault = 'duplicate' | 'depth'

/** More than any issuer is known to nest. */
export const deepest = 32

/** `text` has to be JSON: `JSON.parse` has read it. Names are compared as they are meant, escapes undone. */
export function faultIn(text: string): JsonFault | undefined {
  const scanner = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g
  /** Names so far of each object around; `undefined` for a list. */
  const around: (Set<string> | undefined)[] = []
  let isName = false
  for (const [token] of text.matchAll(scanner)) {
    const names = around.at(-1)
    if (token === '{') around.push(new Set())
    else if (token === '[') around.push(undefined)
    else if (token === '}' || token === ']') around.pop()
    else if (token.startsWith('"') && isName && names !== undefined) {
      const name = JSON.parse(token) as string
      if (names.has(name)) return 'duplicate'
      names.add(name)
    }
    if (around.length > deepest) return 'depth'
    isName = token === '{' || (token === ',' && around.at(-1) !== undefined)
  }
  return undefined
}
