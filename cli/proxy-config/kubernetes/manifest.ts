/**
 * Texts of Kubernetes objects with comments, in which values can mean nothing but themselves. Pure.
 *
 * Threat: a name that is a line, a list or `true` to YAML. kubectl reads YAML 1.1, where more texts are no texts than in 1.2.
 */
import { Scalar, stringify } from 'yaml'
import { printable } from '../../../spelling/printable.ts'

/** Part of a document, with its own lines. None at all take the line away on which it stands. */
export class Lines {
  readonly lines: readonly string[]
  constructor(lines: readonly string[]) {
    this.lines = lines
  }
}

export const nothing = new Lines([])

/** What may stand in a text: a value, the items of a list, or lines. */
export type Part = string | number | boolean | readonly string[] | Lines

/** The same to both versions without quotes; some readers of 1.1 take `e1` for a number. */
const isPlain = (text: string): boolean =>
  /^[a-z](?:[a-z0-9._/-]*[a-z0-9])?$/i.test(text) && !/^(?:y|n|yes|no|on|off|true|false|null|e\d+)$/i.test(text)

/** One scalar, on one line, in double quotes unless no version of YAML could take it for anything else. */
export function scalar(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value)
  if (isPlain(value)) return value
  const quoted = Object.assign(new Scalar(value), { type: Scalar.QUOTE_DOUBLE })
  return stringify(quoted, { lineWidth: 0, doubleQuotedAsJSON: true })
    .trimEnd()
    .replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)
}

const escaped = (character: string): string => `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`

/**
 * Lines of one document. A value that stands within a line becomes one scalar, within a comment what a terminal shows of it; the
 * items of a list, and lines, have the line to themselves and are set in as far as it. Throws for anything else, and for a
 * list without items: what is lost here would be what protects.
 */
export function manifest(texts: TemplateStringsArray, ...parts: readonly Part[]): Lines {
  const lines: string[] = []
  let line = ''
  const close = (): void => {
    lines.push(line)
    line = ''
  }
  const put = (part: Part, follows: string | undefined): void => {
    if (part instanceof Lines || typeof part === 'object') {
      if (line.trim() !== '' || !(follows === undefined || follows.startsWith('\n')))
        throw new Error('a list or lines stand within a line')
      const own = part instanceof Lines ? part.lines : part.map(item => `- ${scalar(item)}`)
      if (!(part instanceof Lines) && own.length === 0) throw new Error('a list has no items')
      lines.push(...own.map(text => (text === '' ? '' : `${line}${text}`)))
      line = '\0'
    } else line += line.trimStart().startsWith('#') ? printable(String(part)) : scalar(part)
  }
  texts.forEach((text, index) => {
    const [first = '', ...more] = text.split('\n')
    line += first
    for (const next of more) {
      if (line === '\0') line = ''
      else close()
      line = next
    }
    const part = parts[index]
    const rest = texts[index + 1]
    if (part !== undefined) put(part, index + 2 === texts.length && rest === '' ? undefined : rest)
  })
  if (line === '\0') line = ''
  else close()
  while (lines[0] === '') lines.shift()
  while (lines.at(-1)?.trim() === '') lines.pop()
  return new Lines(lines)
}

/** Documents of one file, each behind its marker; those without lines are none. */
export function documents(...all: readonly Lines[]): string {
  return all
    .filter(({ lines }) => lines.length > 0)
    .map(({ lines }) => `---\n${lines.join('\n')}\n`)
    .join('')
}
