/** Loads a configuration from text, with files and environment that exist in the test only. */
import type { InsecureSetting } from '../../config/checks/insecure.ts'
import { type LoadedConfig, loadConfig } from '../../config/load.ts'
import { ConfigError, type ConfigProblem } from '../../config/problems.ts'

/** Drawn once with `sallyport secret`; used nowhere but here. */
export const goodSecret = 'gjauBzEAVXowTtBz9DBs8Z2-7vCR4xK2_L0d_1T1dgk'

/** Drawn the same way: what replaces it in a rotation. */
export const nextSecret = 'XxKAMLdQArtpUK53Im9BtCMXpwtvE-YLKxczqxJjU84'

const files: Readonly<Record<string, string>> = {
  '/run/secrets/oidc': 'issued-by-corp\n',
  '/run/secrets/session': `  ${goodSecret}\n`,
  '/run/secrets/rotation': `\r\n${nextSecret}\r\n\r\n ${goodSecret} \r\n`,
  '/run/secrets/weak': 'correct-horse-battery-staple-correct\n',
  '/run/secrets/empty': '\n',
  '/run/secrets/lines': 'one\ntwo\n',
  '/run/secrets/redis-url': 'rediss://sallyport:hunter2-hunter2@redis.example.com:6380\n',
}

export interface LoadTextOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly allow?: readonly InsecureSetting[]
  readonly fileMode?: (path: string) => number
}

export function loadText(text: string | undefined, options: LoadTextOptions = {}): LoadedConfig {
  const readFile = (path: string): string => {
    const found = path === '/etc/sallyport/sallyport.yaml' ? text : files[path]
    if (found === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' })
    return found
  }
  return loadConfig({
    ...(text === undefined ? {} : { file: 'sallyport.yaml' }),
    directory: '/etc/sallyport',
    env: options.env ?? {},
    readFile,
    ...(options.fileMode === undefined ? {} : { fileMode: options.fileMode }),
    allowInsecure: new Set(options.allow ?? []),
  })
}

/** The problems of a configuration that has to be refused. */
export function problemsOf(text: string | undefined, options: LoadTextOptions = {}): readonly ConfigProblem[] {
  try {
    loadText(text, options)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  throw new Error('the configuration was accepted')
}

/** The least that a configuration has to say, as flow sections to put more into. */
export const minimal = `
server: { url: https://auth.example.com }
providers: [{ name: corp, issuer: https://idp.example.com, clientId: sallyport, clientSecretFile: /run/secrets/oidc }]
sessions: { secretFile: /run/secrets/session }
`
