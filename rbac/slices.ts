/**
 * Long work in slices: a policy of any size is compiled without holding up the requests that are decided meanwhile.
 *
 * Nothing here knows of timers: whoever has an event loop passes in how to let it turn.
 */

/** Resolves when the others have had their turn. */
export type Pause = () => Promise<void>

/** Items of one slice: less than a millisecond of parsing, and some ten before the code is warm. */
export const sliceLength = 50

/** Calls `visit` for each item, and pauses after each slice; never pauses where there is no `pause`. */
export async function visitInSlices<T>(
  items: Iterable<T>,
  visit: (item: T) => void,
  pause: Pause | undefined,
): Promise<void> {
  let visited = 0
  for (const item of items) {
    visit(item)
    visited += 1
    if (pause !== undefined && visited % sliceLength === 0) await pause()
  }
}

/** Items by a key of theirs, in the order in which they come. */
export function grouped<T>(items: Iterable<T>, keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) addTo(groups, keyOf(item), item)
  return groups
}

/** The same, with a pause after each slice. */
export async function groupedInSlices<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  pause: Pause | undefined,
): Promise<ReadonlyMap<string, readonly T[]>> {
  const groups = new Map<string, T[]>()
  await visitInSlices(items, item => addTo(groups, keyOf(item), item), pause)
  return groups
}

function addTo<T>(groups: Map<string, T[]>, key: string, item: T): void {
  const group = groups.get(key)
  if (group === undefined) groups.set(key, [item])
  else group.push(item)
}
