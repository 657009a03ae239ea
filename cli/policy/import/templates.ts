/**
 * Templates in the files of other programs: `{{ env "DOMAIN" }}` and `${DOMAIN}`, which something put values into before the
 * program read them.
 *
 * Threat: a template that is read as it stands is a name of nobody, so that a row that denies would deny nobody. What has
 * no value becomes a mark that no reader takes for a text.
 */
import { PolicyError, type Problem } from '../../../rbac/policy-error.ts'

export interface Templates {
  /** The text with what has a value rendered, and a mark for every other template. Lines stay where they are. */
  readonly text: string
  /** A text with each mark as the template that it stands for. */
  readonly restore: (text: string) => string
  /** Names that a value was given for and that no template asks for. */
  readonly unused: readonly string[]
}

export interface TemplateValues {
  /** By name, as `--set` gave them. */
  readonly given: ReadonlyMap<string, string>
  /** Looked into for names that were not given. Absent: values come from `given` alone. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Two characters of a private use area around a number: nobody's name, and one word to every reader. */
const mark = /\uE000(\d+)\uE001/g

/** Does a template without a value stand in the text? */
export const hasTemplate = (text: string): boolean => /[\uE000\uE001]/.test(text)

const template = /\{\{[\s\S]*?\}\}|\$\{[^{}\n]*\}/g
/** Go's templates decide by these which lines there are. */
const control = /^\{\{-?\s*(?:if|else|end|range|with|define|block|template|include|break|continue)\b/
const comment = /^\{\{-?\s*\/\*.*\*\/\s*-?\}\}$/

/**
 * `${NAME:-text}` is the text where the environment, if it is asked, has no value.
 *
 * Throws `PolicyError` for templates that decide which lines there are: what they leave depends on more than a value.
 */
export function renderTemplates(
  file: { readonly name: string; readonly text: string },
  { given, environment }: TemplateValues,
): Templates {
  const marked: string[] = []
  const used = new Set<string>()
  const problems: Problem[] = []
  const rendered = (found: string): string | undefined => {
    const { name, byDefault } = readTemplate(found)
    if (name === undefined) return undefined
    if (given.has(name)) used.add(name)
    const value = given.get(name) ?? environment?.[name]
    return (value === '' ? undefined : value) ?? (environment === undefined ? undefined : byDefault)
  }
  const lineAt = (at: number): number => file.text.slice(0, at).split('\n').length
  const foreign = file.text.search(/[\uE000\uE001]/)
  if (foreign !== -1)
    problems.push({ file: file.name, line: lineAt(foreign), column: 1, message: "U+E000 and U+E001 are nobody's text" })
  const text = file.text.replace(template, (found: string, at: number) => {
    if (comment.test(found)) return ''
    if (control.test(found) || found.includes('\n'))
      problems.push({
        file: file.name,
        line: lineAt(at),
        column: 1,
        message: `${found.split('\n')[0]} decides which lines there are; render the file first, and import what comes of it`,
      })
    const value = rendered(found)
    if (value !== undefined && isOneLine(value)) return value
    marked.push(found)
    return `\uE000${marked.length - 1}\uE001`
  })
  if (problems.length > 0) throw new PolicyError(problems)
  return {
    text,
    restore: marks => marks.replace(mark, (whole, index: string) => marked[Number(index)] ?? whole),
    unused: [...given.keys()].filter(name => !used.has(name)),
  }
}

/** A value of several lines would move every line below it, and could be rules of its own. */
export const isOneLine = (value: string): boolean => !/[\p{Cc}\uE000\uE001\u2028\u2029]/u.test(value)

/** No name for what is more than a name, such as a file's text or a pipeline; it stays as it is. */
function readTemplate(found: string): { readonly name?: string; readonly byDefault?: string } {
  const [, ofGo] = /^\{\{\s*(?:env|mustEnv)\s+["`]([A-Za-z_]\w*)["`]\s*\}\}$/.exec(found) ?? []
  if (ofGo !== undefined) return { name: ofGo }
  const [, ofShell, byDefault] = /^\$\{([A-Za-z_]\w*)(?::-([^{}$]*))?\}$/.exec(found) ?? []
  return ofShell === undefined ? {} : { name: ofShell, ...(byDefault === undefined ? {} : { byDefault }) }
}
