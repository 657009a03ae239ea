/** An error and what it came from. */

/** A chain that leads back to itself would never end. */
const longest = 8

/** The error itself first. What was thrown need not be an error. */
export function causes(error: unknown): readonly unknown[] {
  const chain: unknown[] = []
  for (let cause = error; cause !== undefined && chain.length < longest; cause = property(cause, 'cause')) {
    chain.push(cause)
  }
  return chain
}

/** `undefined` for what has no such property, or none at all. */
export const property = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
