/** Names of headers that conditions of a policy read, for gateways that send only those that are listed. Pure. */
import { parse } from 'yaml'

/** In lower case, each once. The files have been compiled: what is no condition has been refused. */
export function conditionHeaders(files: readonly { readonly text: string }[]): readonly string[] {
  const names = new Set<string>()
  for (const { text } of files) collect(parse(text), names)
  return [...names].sort()
}

function collect(value: unknown, names: Set<string>): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    const name = key === 'header' ? nameIn(inner) : undefined
    if (name !== undefined) names.add(name.toLowerCase())
    collect(inner, names)
  }
}

const nameIn = (criterion: unknown): string | undefined =>
  typeof criterion === 'object' && criterion !== null && 'name' in criterion && typeof criterion.name === 'string'
    ? criterion.name
    : undefined
