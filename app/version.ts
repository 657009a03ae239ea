/** The version of this build, from package.json, which lies one level above `app/` or two above `dist/app/`. */
import { existsSync, readFileSync } from 'node:fs'

function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    const file = new URL(path, import.meta.url)
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
  }
  return 'unknown'
}

export const version = readVersion()
