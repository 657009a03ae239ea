/**
 * Text of any kind -> a header field value that no parser can read in two ways (RFC 9110 section 5.5).
 *
 * A name with CR and LF would otherwise end the header, and with bytes beyond ASCII every proxy does something else.
 * Bytes (UTF-8) outside printable ASCII, `%`, and spaces at either end become `%XX`, so percent-decoding gives the text
 * back exactly. Two different texts never have one form.
 */

const plain = /^(?! )[ -$&-~]*(?<! )$/

/** `reserved` is one more character to be encoded: the separator, when the value is one of a list. */
export function encodeFieldValue(text: string, reserved = ''): string {
  if (plain.test(text) && (reserved === '' || !text.includes(reserved))) return text
  const characters = [...text]
  return characters
    .map((character, at) => {
      const isOuterSpace = character === ' ' && (at === 0 || at === characters.length - 1)
      return isOuterSpace || character === reserved || !/[ -$&-~]/.test(character) ? percent(character) : character
    })
    .join('')
}

function percent(character: string): string {
  const bytes = isLoneSurrogate(character) ? surrogateBytes(character.charCodeAt(0)) : Buffer.from(character, 'utf8')
  return Array.from(bytes, byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}

const isLoneSurrogate = (character: string): boolean => /^[\ud800-\udfff]$/.test(character)

// All lone surrogates would be U+FFFD in UTF-8, and two names one: they keep their own three bytes.
const surrogateBytes = (code: number): Uint8Array =>
  Uint8Array.of(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
