/** What `proxy-config` prints for a cluster, in a folder of its own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { parse, parseAllDocuments } from 'yaml'
import { runCli } from '../../../cli/program.ts'

export interface Printed {
  readonly code: number
  readonly errors: string
  /** By their names. */
  readonly files: Readonly<Record<string, string>>
  /** Where they are. */
  readonly folder: string
}

/** An object of a cluster, as far as tests look at it. */
export interface PrintedObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: Readonly<Record<string, unknown>>
}

export interface PrintingWorld {
  readonly directory: string
  readonly print: (...args: readonly string[]) => Promise<Printed>
  readonly remove: () => void
}

/** @param settings what the configuration has beside what it must have */
export function printingWorld(settings = '', url = 'https://auth.example.com'): PrintingWorld {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-gateways-'))
  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text, { mode: 0o600 })
  mkdirSync(join(directory, 'policy'))
  write('policy/wiki.csv', 'p, email:alice@example.com, wiki.example.com, /**, *, -, allow\n')
  write('secret', 'uG3kq8vJ0oZP4mYtW1xR7cN5bL9dS2fHqEaK6iTgVwU\n')
  write('client', 'a-client-secret-of-tests-that-is-long\n')
  write('pem', 'not yet\n')
  write(
    'sallyport.yaml',
    `server: { url: '${url}' }
providers: [{ name: corp, issuer: 'https://idp.example', clientId: sallyport, clientSecretFile: ./client }]
sessions: { store: lmdb, path: ./data, secretFile: ./secret }
policy: { directory: ./policy }
${settings}`,
  )
  let count = 0
  return {
    directory,
    print: async (...args) => {
      const folder = join(directory, `printed-${count++}`)
      const [errors, written]: [string[], string[]] = [[], []]
      const terminal = {
        write: (text: string) => void written.push(text),
        writeError: (text: string) => void errors.push(text),
        progress: () => undefined,
        colors: pc.createColors(false),
        env: {},
        cwd: directory,
      }
      const code = await runCli(['proxy-config', ...args, '--output', folder, '--json'], { version: '0', terminal })
      const paths: readonly string[] = code === 0 ? JSON.parse(written.join('')).files : []
      const files = paths.map(path => [path.slice(folder.length + 1), readFileSync(path, 'utf8')] as const)
      return { code, errors: errors.join(''), files: Object.fromEntries(files), folder }
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** Everything that a gateway may have to say: TLS for gRPC, an encoded slash, a token that the application gets, one that it must not. */
export const fullSettings = `envoy: { listen: '0.0.0.0:9183', tls: { certificateFile: ./pem, keyFile: ./pem } }
canonical: { allowEncodedSlash: [files.example.com] }
hosts:
  - { host: api.example.com, passwords: true }
  - { host: board.example.com, authorization: assertion }
`

/** One more host, whose application is told who is asking under names of its own. */
export const toldSettings =
  '  - { host: told.example.com, identityHeaders: [webauth], claimHeaders: [X-Team=org/team] }\n'

/** Every document; throws where one is no YAML. */
export const objectsIn = (text: string): readonly PrintedObject[] =>
  parseAllDocuments(text).map(document => {
    const [problem] = document.errors
    if (problem !== undefined) throw problem
    return parse(String(document)) as PrintedObject
  })
