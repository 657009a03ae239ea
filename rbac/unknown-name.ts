/** How a message about a policy file says that a name is unknown. */
import { suggestion } from '../spelling/nearest.ts'

/** `unknown <what> "<name>"`, with the nearest known name or else, when they are few, all of them. */
export function unknownName(what: string, name: string, known: readonly string[]): string {
  const said = `unknown ${what} "${shortened(name)}"`
  const meant = suggestion(name, known)
  if (meant !== '') return said + meant
  return known.length > 0 && known.length <= 12 ? `${said}; known: ${known.join(', ')}` : said
}

/** What a message shows of a text that somebody wrote. */
export const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text)
