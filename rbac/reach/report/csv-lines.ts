/** Lines of CSV (RFC 4180) for a spreadsheet, of texts that others chose. */
import { printable } from '../../../spelling/printable.ts'

/** Every cell in quotes, every line ended by CRLF; control and direction characters are escaped. @param rows the first one names the columns */
export const csvLines = (rows: readonly (readonly string[])[]): string =>
  rows.map(cells => `${cells.map(cell).join(',')}\r\n`).join('')

const cell = (text: string): string => `"${guarded(printable(text)).replaceAll('"', '""')}"`

/**
 * Threat: a spreadsheet runs what begins like a formula, which can send away what stands beside it. Where its separator is another
 * than ours (`;` in half of the world) a cell begins wherever that stands in a text; so each part is guarded by itself.
 */
const guarded = (text: string): string => text.replace(/[^,;\t]+/g, part => (isGuarded(part) ? `'${part}` : part))

/** Also what begins with the guard itself: so one `'` less is the text again. */
const isGuarded = (part: string): boolean => part.startsWith("'") || formula.test(part.normalize('NFKC'))

/**
 * Behind whatever a reader may drop: blanks, what is invisible, quotes. NFKC makes the plain sign of full-width, small and raised
 * ones; dashes and the other look-alikes are not the same to it, but to somebody who cleans up a table.
 */
const formula =
  /^[\p{Z}\p{C}\p{DI}\p{Pi}\p{Pf}\s'"`\u00B4\u2032\u2033\u201A\u201E\u2E42\u275B-\u275E\u301D-\u301F]*[=+@|%\p{Pd}\u2212\u02D7\u207B\u208B\u2795\u2796\uA78A\u1429\u2A75\u2A76]/u
