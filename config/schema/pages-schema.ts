/** How the pages look that people see, and what is named on them. */
import { z } from 'zod'
import { logoExpected, parseLogo } from './logo.ts'
import { parsed, setting, text } from './setting.ts'

const mostCharacters = 64

/** One line that reads as it is written: nothing in it turns the direction of text or is no character. */
export function parseTitle(text: string): string {
  const trimmed = text.trim()
  if (trimmed === '') throw new RangeError('it is empty')
  if (trimmed.length > mostCharacters) throw new RangeError(`it has more than ${mostCharacters} characters`)
  requirePlain(trimmed)
  if (!/[^\s\p{Default_Ignorable_Code_Point}\u2800]/u.test(trimmed)) throw new RangeError('nothing of it can be seen')
  return trimmed
}

/** Two names, or an address as a link, with everything else within the 4 KB of a page that a proxy passes on. */
const mostOnPage = 200

/** Threat: a page that says no and of which a proxy passes on a part, or none. */
function requireRoom(text: string): void {
  const bytes = Buffer.byteLength(text.replace(/[&<>"']/g, '12345'))
  if (bytes <= mostOnPage) return
  throw new RangeError(
    `it takes up more than ${mostOnPage} bytes on a page, where & < > " and ' take up five each, and letters beyond ASCII two or more`,
  )
}

function parseName(text: string): string {
  const name = parseTitle(text)
  requireRoom(name)
  return name
}

function requirePlain(text: string): void {
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(text)) {
    throw new RangeError('it holds a line break or another character that cannot be seen')
  }
}

export function parseStartPath(text: string): string {
  if (!/^\/(?![/\\])[!-~]{0,500}$/.test(text) || /[\\#;]|%2f|%5c/i.test(text)) {
    throw new RangeError('it has to begin with one slash and hold neither a space, a backslash, a semicolon, %2F nor #')
  }
  if (/\/\.{1,2}(?:[/?]|$)/.test(text.replace(/%2e/gi, '.'))) throw new RangeError('it has a segment of dots')
  if (/%(?![0-9a-f]{2})/i.test(text)) throw new RangeError('a % in it is followed by no two digits of a number')
  requireReadable(text.split('?')[0] ?? '')
  return text
}

/** As a check reads it, which refuses what holds something else once it is decoded. */
function requireReadable(path: string): void {
  let plain: string
  try {
    plain = decodeURIComponent(path)
  } catch {
    throw new RangeError('what its % stand for is no UTF-8')
  }
  if (/[\p{Cc};]/u.test(plain)) throw new RangeError('a % in it stands for a control character or a semicolon')
}

const mostContact = 200

/** Threat: an address that is a script, behind a link on every page that says no. */
export function parseContact(text: string): string {
  const contact = text.trim()
  if (contact === '') throw new RangeError('it is empty')
  if (contact.length > mostContact) throw new RangeError(`it has more than ${mostContact} characters`)
  requirePlain(contact)
  requireRoom(contact)
  if (!/^[a-z][a-z0-9+.-]*:\S/i.test(contact)) return contact
  if (!/^(?:https:\/\/|mailto:)[!-~]+$/.test(contact) || !URL.canParse(contact)) {
    throw new RangeError('what looks like an address has to begin with https:// or mailto:')
  }
  return contact
}

export function parseColour(text: string): string {
  if (!/^#[0-9a-f]{6}$/i.test(text)) throw new RangeError('it has to be # and six digits of 0-9 and a-f')
  return text.toLowerCase()
}

export const pages = z.strictObject({
  name: setting(parsed(parseName).exactOptional(), {
    description: 'Name of the service on its pages and in their titles; `Sallyport` stands in titles if absent.',
    expected: `a text of at most ${mostCharacters} characters, and of ${mostOnPage} bytes on a page`,
    example: 'Example Corp',
  }),
  language: setting(z.enum(['en', 'de', 'auto']).default('en'), {
    description:
      'Language of the pages; `auto` is the one that the browser of each reader asks for (`Accept-Language`), English where it is none of these.',
    expected: 'en, de or auto',
  }),
  colour: setting(parsed(parseColour).exactOptional(), {
    description:
      'Colour of what leads on. Where it would be hard to read, on the light page or on the dark one, its nearest shade that is not is taken.',
    expected: 'a colour such as #1f5fd0',
    example: '#0a6b4f',
  }),
  contact: setting(parsed(parseContact).exactOptional(), {
    description:
      'Whom people may ask, on pages that say no and on the page of the login: a text, or an `https:` or `mailto:` address.',
    expected: `a text, or an address that begins with https:// or mailto:, of at most ${mostOnPage} bytes on a page`,
    example: 'mailto:help@example.com',
  }),
  logo: setting(parsed(parseLogo).exactOptional(), {
    description: 'The picture on the pages of the auth host, as SVG; better kept in `logoFile`.',
    expected: logoExpected,
  }),
  logoFile: setting(text.exactOptional(), {
    description: 'File that holds the picture.',
    expected: 'a path',
    example: '/etc/sallyport/logo.svg',
    isPath: true,
    fileOf: 'logo',
    fileHolds: 'text',
    isPublic: true,
  }),
})
