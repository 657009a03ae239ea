/**
 * HTML that escapes by default. Whatever is put into a template is text, unless it is HTML from here already.
 *
 * A host, a path, a name and a provider's error are anybody's text; none of them may become markup.
 */

/** Markup that was made by `html`. A class, so that no text and no parsed JSON can pass for it. */
export class Html {
  readonly markup: string
  private constructor(markup: string) {
    this.markup = markup
  }
  static of(parts: readonly string[], values: readonly HtmlValue[]): Html {
    let markup = ''
    for (const [index, part] of parts.entries()) markup += part + render(values[index])
    return new Html(markup)
  }
}

export type HtmlValue = string | number | Html | readonly Html[] | undefined

export const html = (parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html => Html.of(parts, values)

function render(value: HtmlValue): string {
  if (value === undefined) return ''
  if (value instanceof Html) return value.markup
  if (typeof value === 'object') return value.map(({ markup }) => markup).join('')
  return escapeHtml(String(value))
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
}

/** What `escapeHtml` would change; without it a text stands as it is. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among what is looked for
const special = /[&<>"'\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/
/** The same, and whatever takes more than one byte. */
const notPlain = /[^ !#-%(-;=?-~]/

/**
 * For text and for attribute values in double quotes. Control characters, and what turns the direction of text, become a visible
 * replacement. Threat: the name of a group, a host or an address that reads as another one, where somebody decides by it.
 */
export const escapeHtml = (text: string): string =>
  special.test(text)
    ? text
        .replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '\ufffd')
        .replace(/[&<>"']/g, character => entities[character] ?? '')
    : text

/** How many bytes a text takes up in a page. */
export const sizeInPage = (text: string): number =>
  notPlain.test(text) ? Buffer.byteLength(escapeHtml(text)) : text.length

/** As much of a text as takes up this many bytes in a page, with an ellipsis where something is missing. */
export function cut(text: string, maxBytes: number): string {
  if (text.length <= maxBytes && sizeInPage(text) <= maxBytes) return text
  let bytes = 0
  let kept = ''
  for (const character of text) {
    bytes += sizeInPage(character)
    if (bytes > maxBytes) return `${kept}…`
    kept += character
  }
  return kept
}
