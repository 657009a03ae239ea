/** Line by line, as they come. */
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** @returns takes the next bytes; what has no end of line yet is kept */
export function lineSplitter(take: (line: string) => void): (bytes: Buffer) => void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  return bytes => {
    const lines = (rest + decoder.write(bytes)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  }
}

/** The stream may end in any way. */
export function readLines(stream: Readable, take: (line: string) => void): void {
  stream.on('error', () => undefined).on('data', lineSplitter(take))
}
