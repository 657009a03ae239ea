/** Short names for objects, so that what is remembered about one can be found under a text. */

/** The same number for the same object, never the same one for two. Holds no object in memory. */
export function createNumbering<T extends object>(): (item: T) => number {
  const numbers = new WeakMap<T, number>()
  let last = 0
  return item => {
    const known = numbers.get(item)
    if (known !== undefined) return known
    last += 1
    numbers.set(item, last)
    return last
  }
}
