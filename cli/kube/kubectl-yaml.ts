/**
 * YAML that kubectl reads as it was meant.
 *
 * kubectl reads YAML 1.1, and others choose the names. Threat: U+0085, U+2028 and U+2029 are line breaks there, and none to YAML 1.2:
 * what follows one in a comment, or in a text without quotes, is an object that gets applied. `no` and `2026-12-31` are no texts there.
 */
import { Document, Scalar, visit } from 'yaml'
import { printable } from '../../spelling/printable.ts'

/** The same to both versions without quotes. */
const isPlain = (text: string): boolean =>
  /^[a-z](?:[a-z0-9._:@/-]*[a-z0-9])?$/i.test(text) && !/^(?:y|n|yes|no|on|off|true|false|null)$/i.test(text)

/** What a line, or the eye of a reader, ends at or turns round at; `JSON.stringify` has escaped the rest. */
const hidden = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu

const escaped = (character: string): string => `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`

/** One document, behind its marker. @param value of objects, lists, texts and numbers */
export function kubectlYaml(value: object): string {
  const document = new Document(value, { aliasDuplicateObjects: false })
  visit(document, {
    Scalar(_, scalar) {
      if (typeof scalar.value === 'string' && !isPlain(scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE
    },
  })
  // Whatever is not plain stands between double quotes, where YAML takes the escape for the character.
  return `---\n${document.toString({ lineWidth: 0, doubleQuotedAsJSON: true }).replace(hidden, escaped)}`
}

/** One line. */
export const kubectlComment = (text: string): string => `# ${printable(text)}\n`
