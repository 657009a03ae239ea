/**
 * What others can make happen as often as they like, for the log: the first of a kind at once, the others of ten seconds in one
 * report. A line for each would fill the disk of whoever is attacked.
 */

const everyMs = 10_000

/** What came of a kind since the report before. */
export interface Burst<Item> {
  /** The latest. */
  readonly item: Item
  readonly times: number
}

/** There must be few kinds, whatever is sent: one that somebody else can name is no kind. */
export function createBurstReport<Kind extends string, Item>(
  report: (kind: Kind, burst: Burst<Item>) => void,
): (kind: Kind, item: Item) => void {
  const waiting = new Map<Kind, Burst<Item> | undefined>()

  function reportNow(kind: Kind, burst: Burst<Item>): void {
    report(kind, burst)
    waiting.set(kind, undefined)
    setTimeout(() => {
      const others = waiting.get(kind)
      waiting.delete(kind)
      if (others !== undefined) reportNow(kind, others)
    }, everyMs).unref()
  }

  return (kind, item) => {
    if (!waiting.has(kind)) return reportNow(kind, { item, times: 1 })
    waiting.set(kind, { item, times: (waiting.get(kind)?.times ?? 0) + 1 })
  }
}
