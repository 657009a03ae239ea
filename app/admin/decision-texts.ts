/**
 * The texts of the last decisions, kept as bytes outside of the garbage collector's reach.
 *
 * Ten thousand decisions are a fraction of a second of a busy service. As strings each of them would live just long
 * enough to be moved to the old generation, and collecting that holds up the requests of the moment.
 */

const slotBytes = 320
const slotsInBlock = 256
/** UTF-8 takes at most three bytes for a UTF-16 code unit. */
const mostBytesPerUnit = 3
const separator = '\n'

export interface DecisionText {
  readonly requestId: string
  readonly domain: string
  readonly action: string
  readonly resource: string
}

export interface DecisionTexts {
  /** Writes over what was at this place. */
  write(place: number, text: DecisionText): void
  /** Throws a RangeError for a place that was never written. */
  read(place: number): DecisionText
}

export function createDecisionTexts(): DecisionTexts {
  const blocks: Buffer[] = []
  const lengths: number[] = []
  /** What does not fit into a slot; long paths are rare. */
  const long = new Map<number, string>()

  const blockOf = (place: number): Buffer => {
    const index = Math.floor(place / slotsInBlock)
    const block = blocks[index] ?? Buffer.allocUnsafeSlow(slotBytes * slotsInBlock)
    blocks[index] = block
    return block
  }
  const offsetOf = (place: number): number => (place % slotsInBlock) * slotBytes

  return {
    write(place, { requestId, domain, action, resource }) {
      const text = `${requestId}${separator}${domain}${separator}${action}${separator}${resource}`
      if (long.size > 0) long.delete(place)
      if (text.length * mostBytesPerUnit <= slotBytes) {
        lengths[place] = blockOf(place).write(text, offsetOf(place))
      } else {
        long.set(place, text)
        lengths[place] = 0
      }
    },
    read(place) {
      const length = lengths[place]
      if (length === undefined) throw new RangeError('nothing was written here')
      const offset = offsetOf(place)
      const text = long.get(place) ?? blockOf(place).toString('utf8', offset, offset + length)
      const [requestId = '', domain = '', action = '', ...resource] = text.split(separator)
      return { requestId, domain, action, resource: resource.join(separator) }
    },
  }
}
