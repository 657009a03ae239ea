/** Numbers of users and groups by their names, as the machine's own files have them. */
import { readFileSync } from 'node:fs'

export interface Owner {
  readonly user: number | undefined
  readonly group: number | undefined
}

/** @param text `user`, `user:group` or `:group`. Throws what `refuse` makes of a name that is not there. */
export function ownerOf(text: string, refuse: (why: string) => Error): Owner {
  const [user = '', group = ''] = text.split(':')
  const numberIn = (file: string, name: string): number | undefined => {
    if (name === '') return undefined
    if (/^\d{1,10}$/.test(name)) return Number(name)
    const line = linesOf(file).find(entry => entry.startsWith(`${name}:`))
    const found = line?.split(':')[2]
    if (found === undefined) throw refuse(`${file} has no ${name}: write its number where another directory knows it`)
    return Number(found)
  }
  return { user: numberIn('/etc/passwd', user), group: numberIn('/etc/group', group) }
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    return []
  }
}
