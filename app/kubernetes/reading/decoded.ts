/** Bytes as text. PowerShell writes UTF-16 with a mark at the beginning, some editors UTF-8 with one; everybody else UTF-8 without. */
import { TextDecoder } from 'node:util'

/** By the mark at the beginning, of which two bytes are enough. */
function encodingOf([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
}

/** Without the mark. */
export const decoded = (bytes: Uint8Array): string => new TextDecoder(encodingOf(bytes)).decode(bytes)

/** The same of a stream, of which a part may end within a character. What is text already stays as it is. */
export async function* decodedStream(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined
  let head: Uint8Array = new Uint8Array()
  for await (const part of stream) {
    if (typeof part === 'string') {
      yield part
      continue
    }
    const bytes = decoder === undefined && head.length > 0 ? Buffer.concat([head, part]) : part
    if (decoder === undefined && bytes.length < 2) {
      head = bytes
      continue
    }
    decoder ??= new TextDecoder(encodingOf(bytes))
    yield decoder.decode(bytes, { stream: true })
  }
  yield decoder === undefined ? decoded(head) : decoder.decode()
}
