/** The commands that README.md, CONTRIBUTING.md, SECURITY.md and docs/ print, each line of a shell as it stands there. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

export interface DocumentedCommand {
  /** Path below the project. */
  readonly page: string
  readonly command: string
  /** What the page prints below it; empty where it prints nothing. */
  readonly output: string
}

/** Written by hand: what is generated says nothing that its source does not. */
export const pages: readonly string[] = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...below('docs')].filter(
  page => !/^docs\/(?:adr|reference|reach\/moves)\//.test(page) && page !== 'docs/abuse-cases.md',
)

function below(folder: string): readonly string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return files.flatMap(file => (file.endsWith('.md') ? [`${folder}/${file}`] : [])).sort()
}

/** What begins a line of a shell on a page, and nothing else there. */
const programs =
  /^(?:sallyport|npm|npx|node|kubectl|curl|helm|git|cat|docker|podman|podman-compose|systemctl|systemd-analyze|openssl|redis-cli|dex|keycloak\S*|tar|install|cp|mv|rm|go|java|bin\/kc\.sh|\.\/dex|nginx|caddy|haproxy|envoy)(?: (?![ \d])|$)/

const textOf = (page: string): string => readFileSync(join(root, page), 'utf8')

/** Of blocks without a language, or of a shell. */
export function documentedCommands(page: string): readonly DocumentedCommand[] {
  const blocks = textOf(page).matchAll(/^( *)```(\w*)\n([\s\S]*?)^ *```$/gm)
  return [...blocks].flatMap(([, indent = '', language = '', block = '']) =>
    ['', 'sh'].includes(language) ? commandsIn(page, block.replaceAll(new RegExp(`^${indent}`, 'gm'), '')) : [],
  )
}

function commandsIn(page: string, block: string): readonly DocumentedCommand[] {
  const lines = joined(block).split('\n')
  const isPrompted = lines.some(line => line.startsWith('$ '))
  const starts = lines.flatMap((line, at) => (isStart(line, isPrompted) ? [at] : []))
  return starts.map((at, index) => ({
    page,
    command: (lines[at] ?? '')
      .replace(/^\$ /, '')
      .replace(/\s{2,}#? ?[a-zA-Z ,:'`;.-]*$|\s+# .*$/, '')
      .trim(),
    output: isPrompted
      ? lines
          .slice(at + 1, starts[index + 1])
          .join('\n')
          .trim()
      : '',
  }))
}

const isStart = (line: string, isPrompted: boolean): boolean =>
  isPrompted ? line.startsWith('$ ') : programs.test(line)

/** A line that goes on, by a backslash or within quotes, is one. */
function joined(block: string): string {
  const whole = block.replaceAll(/\\\n\s*/g, '')
  const lines: string[] = []
  for (const line of whole.split('\n')) {
    const last = lines.at(-1)
    const isOpen = last !== undefined && programs.test(last) && last.split("'").length % 2 === 0
    if (isOpen) lines[lines.length - 1] = `${last}\n${line}`
    else lines.push(line)
  }
  return lines.join('\n')
}

/** Commands of this program within sentences, and in the blocks. */
export function namedCommands(page: string): readonly string[] {
  const spans = [...textOf(page).matchAll(/`(sallyport [^`\n]+)`/g)].map(([, text = '']) => text)
  const printed = documentedCommands(page).flatMap(({ command }) =>
    command.split(/\s*(?:\||&&)\s*/).filter(part => part.startsWith('sallyport ')),
  )
  return [...spans, ...printed]
}
