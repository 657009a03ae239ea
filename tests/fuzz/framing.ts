/** Bodies: how long they are said to be, how long they are, and what is hidden in them. */
import type { Random } from './random.ts'

export interface Framed {
  readonly headers: readonly string[]
  readonly body: string
  /** Whether two servers may find two ends. */
  readonly isDoubtful: boolean
}

/** A request that nobody is asked about, if it is taken for one. */
const hidden = 'GET /<<i>>/hidden HTTP/1.1\r\nHost: wiki.localhost\r\nRemote-User: forged\r\nX-Mark: <<i>>\r\n\r\n'

/** What a mark is filled in with is longer than its name. */
const lengthOf = (text: string): number => text.replaceAll('<<i>>', 'zq0000000q').length

const chunk = (text: string): string => `${lengthOf(text).toString(16)}\r\n${text}\r\n`

export function plainBody(random: Random): Framed {
  const body = random.pick(['', 'a=1', 'x'.repeat(1_000), hidden, 'x'.repeat(40_000)])
  if (random.once(3)) {
    const trailer = random.once(4) ? 'Remote-User: forged\r\nX-Note: a\r\n' : ''
    const extension = random.once(5) ? ';a=b' : ''
    const chunks = body === '' ? '' : chunk(body).replace('\r\n', `${extension}\r\n`)
    return { headers: ['Transfer-Encoding: chunked'], body: `${chunks}0\r\n${trailer}\r\n`, isDoubtful: false }
  }
  return { headers: [`Content-Length: ${lengthOf(body)}`], body, isDoubtful: false }
}

const encodings = [
  'Transfer-Encoding: chunked', 'transfer-encoding: CHUNKED', 'Transfer-Encoding:chunked', 'Transfer-Encoding : chunked', ' Transfer-Encoding: chunked',
  'Transfer-Encoding: \x0bchunked', 'Transfer-Encoding: chunked\x0b', 'Transfer-Encoding: xchunked', 'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity, chunked', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: chunked, chunked', 'Transfer-Encoding: identity',
  'Transfer-Encoding: "chunked"', 'Transfer-Encoding:\r\n chunked', 'Transfer-Encoding: chunked;a=b', 'Transfer_Encoding: chunked', 'Transfer-Encoding: ',
  'Transfer-Encoding: x\nTransfer-Encoding: chunked', 'Transfer-Encoding\0: chunked', 'X: y\nTransfer-Encoding: chunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: x',
  'TRANSFER-ENCODING: chunked\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: chun\0ked',
] // biome-ignore format: a list to be looked over

const lengths = (length: number): readonly string[] => [
  `Content-Length: ${length}`, `Content-Length: +${length}`, `Content-Length: ${length}, ${length}`, `Content-Length: 0, ${length}`,
  `Content-Length: 0x${length.toString(16)}`, `Content-Length: ${length} `, `Content-Length: -${length}`, `Content-Length:${length}`,
  `Content-Length : ${length}`, `Content-Length: 00${length}`, `Content-Length: ${length}\r\nContent-Length: 0`, `Content-Length: 0\r\nContent-Length: ${length}`,
  `Content-Length: ${length}\r\nContent-Length: ${length}`, `Content_Length: ${length}`, `Content-Length: ${length}a`, `Content-Length: "${length}"`,
  'Content-Length: 18446744073709551616', 'Content-Length: 99999999999999999999999', 'Content-Length: ', `Content-Length: ${length}.0`, `Content-Length:\r\n ${length}`,
  'Content-Length: 0', 'Content-Length: 4', `Content-Length: ${length}e0`, `Content-Length: ${length}\x0b`, `Content-Length: 1 ${length}`,
] // biome-ignore format: a list to be looked over

const chunkedBodies = [
  `0\r\n\r\n${hidden}`, `${chunk('a=1')}0\r\n\r\n${hidden}`, `${chunk(hidden)}0\r\n\r\n`, `0\r\n${hidden}`, `3\na=1\n0\n\n${hidden}`, `3\r\na=1\r\n0\n\n${hidden}`,
  `0x3\r\na=1\r\n0\r\n\r\n${hidden}`, `3 \r\na=1\r\n0\r\n\r\n${hidden}`, `+3\r\na=1\r\n0\r\n\r\n${hidden}`, `3;a=\n\r\na=1\r\n0\r\n\r\n${hidden}`, `3;a="\r\n"\r\na=1\r\n0\r\n\r\n`,
  `100000003\r\na=1\r\n0\r\n\r\n${hidden}`, `10000000000000003\r\na=1\r\n0\r\n\r\n${hidden}`, `3\r\na=1XX0\r\n\r\n${hidden}`, `3\r\na=10\r\n\r\n${hidden}`, `-1\r\n\r\n${hidden}`,
  `\r\n0\r\n\r\n${hidden}`, `000000000000000000000003\r\na=1\r\n0\r\n\r\n${hidden}`, `3\r\r\na=1\r\n0\r\n\r\n${hidden}`, `0\r\nX: y\n\r\n\r\n${hidden}`, `g\r\n\r\n${hidden}`,
  `0;\r\n\r\n${hidden}`, `0\r\nRemote-User: forged\r\nContent-Length: 9\r\n\r\n${hidden}`, `00\r\n\r\n${hidden}`, `3\r\na=1\r\n0\r\n \r\n${hidden}`, `3\r\na=1\r\n0\r\r\n\r\n${hidden}`,
] // biome-ignore format: a list to be looked over

export function doubtfulBody(random: Random): Framed {
  const isChunked = random.once(2)
  const body = isChunked
    ? random.pick(chunkedBodies)
    : random.pick([hidden, `a=1${hidden}`, `\r\n${hidden}`, `0\r\n\r\n${hidden}`])
  const length = random.pick([lengthOf(body), lengthOf(body), 3, 0, 5])
  const [said, encoded] = [random.pick(lengths(length)), random.pick(encodings)]
  const kind = random.below(4)
  const headers = kind === 0 ? [said] : kind === 1 ? [encoded] : random.once(2) ? [said, encoded] : [encoded, said]
  return {
    headers:
      isChunked && kind > 1 && random.once(2) ? [`Content-Length: ${length}`, 'Transfer-Encoding: chunked'] : headers,
    body,
    isDoubtful: true,
  }
}

export const expectLine = (random: Random): string =>
  `Expect: ${random.pick(['100-continue', '100-Continue', '100-continue, x', 'forged', '', '100-continue\x0b'])}`
