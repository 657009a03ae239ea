/** Text in lines of 80 columns; a word that is longer stays whole, so that it can be copied. */

const width = 80

/** @param first what the first line begins with, and `rest` each other one */
export function wrapped(text: string, { first, rest }: { readonly first: string; readonly rest: string }): string {
  const lines: string[] = []
  let line = first
  let isEmpty = true
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line)
      ;[line, isEmpty] = [rest, true]
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return `${[...lines, line].join('\n')}\n`
}
