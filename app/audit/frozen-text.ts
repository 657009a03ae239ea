/** Texts of what is the same for many lines. */

/** Threat: words that are no longer true. Only what is frozen, with the lists that are read of it, is put into words once. */
export function rememberFrozen<T extends object>(wordsOf: (item: T) => string): (item: T) => string {
  const texts = new WeakMap<T, string>()
  return item => {
    const known = texts.get(item)
    if (known !== undefined) return known
    const text = wordsOf(item)
    if (isFixed(item)) texts.set(item, text)
    return text
  }
}

const isFixed = (item: object): boolean =>
  Object.isFrozen(item) && Object.values(item).every(value => !Array.isArray(value) || Object.isFrozen(value))
