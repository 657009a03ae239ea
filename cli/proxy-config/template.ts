/** Templates of proxies' files: texts with `@{NAME}` where a value stands. Every other text is the proxy's own language. */
import { readFileSync } from 'node:fs'

/** What stands for each name: a text, or lines. No lines take the line of the name away. */
export type Values = Readonly<Record<string, string | readonly string[]>>

const place = /@\{([A-Z_]+)\}/g

/** The template beside the module with that `import.meta.url`. */
export const readTemplate = (name: string, base: string): string => readFileSync(new URL(name, base), 'utf8')

/**
 * Puts the values in. Lines stand where the name is alone on its line, each as far in as the name. Throws where a name has no
 * value, or a value no name: a line that is lost here would be a line that does not protect.
 */
export function fill(template: string, values: Values): string {
  const used = new Set<string>()
  const find = (name: string): string | readonly string[] => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value === undefined) throw new Error(`a template has no value for ${name}`)
    used.add(name)
    return value
  }
  const filled = template.split('\n').flatMap(line => {
    const [, indent = '', name] = /^(\s*)@\{([A-Z_]+)\}$/.exec(line) ?? []
    const alone = name === undefined ? undefined : find(name)
    if (Array.isArray(alone)) return alone.map(text => (text === '' ? '' : `${indent}${text}`))
    return line.replaceAll(place, (_match, inner: string) => {
      const value = find(inner)
      if (typeof value !== 'string') throw new Error(`${inner} is several lines, and stands within one`)
      return value
    })
  })
  const unused = Object.keys(values).filter(name => !used.has(name))
  if (unused.length > 0) throw new Error(`a template has no place for ${unused.join(', ')}`)
  return filled.join('\n')
}
