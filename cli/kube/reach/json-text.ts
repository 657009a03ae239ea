/**
 * JSON for whoever reads it in a terminal as well. Threat: JSON.stringify writes C1 controls and direction characters of names
 * as they are, and a terminal or an editor shows something else than what is there. Escaped, the value is the same.
 */
export const jsonText = (value: unknown, indent?: number): string =>
  `${JSON.stringify(value, null, indent).replace(unsafe, character =>
    Array.from({ length: character.length }, (_, at) => unitText(character.charCodeAt(at))).join(''),
  )}\n`

/** Outside of its strings JSON has none of them; C0 is escaped already, and the line breaks between fields stay. */
const unsafe = /[\u007F-\u009F]|\p{Cf}|\p{Zl}|\p{Zp}/gu

const unitText = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`
