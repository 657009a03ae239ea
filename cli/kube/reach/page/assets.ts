/** The script and the style sheet of the page, as they stand within it, and the hashes that its policy names them by. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'browser')

export interface Inlined {
  readonly text: string
  /** As a Content-Security-Policy has it (CSP Level 3 section 2.3.1). */
  readonly hash: string
}

const importLine = /^import\s[^']*'\.\/([\w-]+\.js)'\n/gm

/** The modules of browser/ as one: each once, behind those that it imports. What they name at their top is named once in all. */
function joined(entry: string): string {
  const seen = new Set<string>()
  const parts: string[] = []
  const add = (name: string): void => {
    if (seen.has(name)) return
    seen.add(name)
    const text = readFileSync(join(folder, name), 'utf8')
    for (const [, imported = ''] of text.matchAll(importLine)) add(imported)
    parts.push(text.replaceAll(importLine, '').replaceAll(/^export /gm, ''))
  }
  add(entry)
  return parts.join('\n')
}

/** Threat: HTML ends a script at the first `</script` of it, wherever that stands, and reads on as markup. */
function inlined(text: string): Inlined {
  if (/<\/|<!--|^(?:import|export)\b/m.test(text))
    throw new Error('this cannot stand in a page: it would end its element')
  return { text, hash: `'sha256-${createHash('sha256').update(text).digest('base64')}'` }
}

export const pageAssets = (): { readonly script: Inlined; readonly style: Inlined } => ({
  script: inlined(joined('main.js')),
  style: inlined(readFileSync(join(folder, 'page.css'), 'utf8')),
})
