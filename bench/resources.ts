/** What a run has started: ended in the opposite order, whether the run succeeds, fails or is interrupted. */

export interface Resources {
  readonly add: (end: () => Promise<unknown>) => void
  /** May be called again while it is under way; both calls wait for the same end. */
  readonly end: () => Promise<void>
}

/** With a `parent`, what is started here ends with it at the latest. */
export function createResources(parent?: Resources): Resources {
  const ends: (() => Promise<unknown>)[] = []
  let ending: Promise<void> | undefined
  const endAll = async (): Promise<void> => {
    // One that fails to end must not keep the others alive.
    for (const end of ends.reverse()) await end().catch((error: Error) => console.error(`not ended: ${error.message}`))
  }
  const end = (): Promise<void> => {
    ending ??= endAll()
    return ending
  }
  parent?.add(end)
  return { add: one => void ends.push(one), end }
}

/** Ends everything on Ctrl-C and on SIGTERM as well. */
export function endOnSignals(resources: Resources): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void resources.end().finally(() => process.exit(1)))
  }
}
