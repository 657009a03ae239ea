/**
 * The texts of the last decisions, kept as bytes outside of the garbage collector's reach.
 *
 * Ten thousand decisions are a fraction of a second of a busy service. As strings each of them would live just long
 * enough to be moved to the old generation, and collecting that holds up the requests of the moment.
 */

const slotBytes = 320
const slotsInBlock = 256
/** Texts are encoded when there are so many: the call that encodes costs more than what it does for one. */
const mostWaiting = 32
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

  /** What has not been encoded yet; of one place the last one counts. */
  const waiting = new Map<number, string>()

  function encode(text: string, place: number): void {
    if (long.size > 0) long.delete(place)
    if (text.length * mostBytesPerUnit <= slotBytes) {
      lengths[place] = blockOf(place).write(text, offsetOf(place))
    } else {
      long.set(place, text)
      lengths[place] = 0
    }
  }

  function decode(place: number): string | undefined {
    const length = lengths[place]
    if (length === undefined) return undefined
    const offset = offsetOf(place)
    return blockOf(place).toString('utf8', offset, offset + length)
  }

  return {
    write(place, { requestId, domain, action, resource }) {
      waiting.set(place, `${requestId}${separator}${domain}${separator}${action}${separator}${resource}`)
      if (waiting.size < mostWaiting) return
      waiting.forEach(encode)
      waiting.clear()
    },
    read(place) {
      const text = waiting.get(place) ?? long.get(place) ?? decode(place)
      if (text === undefined) throw new RangeError('nothing was written here')
      const [requestId = '', domain = '', action = '', ...resource] = text.split(separator)
      return { requestId, domain, action, resource: resource.join(separator) }
    },
  }
}
