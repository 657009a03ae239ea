/** The directory of a service as an operator would have it: settings, rows, secrets, and sessions in its store. */

import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freshSecret } from '../cli/secret.ts'
import { createPlanter, limits, type PlantedSession, type SessionPlace } from './planted-sessions.ts'
import type { Resources } from './resources.ts'
import { serviceRows } from './rules.ts'

export interface FolderOptions {
  /** Rows of the policy, ten for each host. */
  readonly rows: number
  /** Absent: the embedded store. */
  readonly redisUrl?: string
  /** False: every check reads the store. By default as the service has it. */
  readonly isCached?: boolean
  /** Processes that share the listener; by default as the service has it. */
  readonly workers?: number
  /** False: only a call of the admin listener loads the policy again; default true. */
  readonly isPolicyWatched?: boolean
  /** Sessions in the store; default 1. */
  readonly sessions?: number
  /** Further sections of the configuration, and further rows. */
  readonly settings?: Readonly<Record<string, unknown>>
  readonly furtherRows?: string
}

export interface ServiceFolder {
  readonly place: SessionPlace
  readonly configFile: string
  readonly policyFile: string
  readonly planted: readonly PlantedSession[]
}

/** Settings that a bench case turns. A build without one runs the case as it is, and the case says so. */
export const cacheSetting = ['sessions', 'cache'] as const
export const workersSetting = ['server', 'workers'] as const

/** Whether this build has the setting, by its own schema, so that the bench can also measure another version. */
export function hasSetting([section, name]: readonly [section: string, name: string]): boolean {
  const schema = JSON.parse(readFileSync('config/schema.json', 'utf8'))
  return schema.properties?.[section]?.properties?.[name] !== undefined
}

export async function createServiceFolder(options: FolderOptions, resources: Resources): Promise<ServiceFolder> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  resources.add(async () => rmSync(folder, { recursive: true, force: true }))
  const secret = freshSecret()
  // Several services share one Redis; keys that another secret has sealed would be of no use to them.
  const redisPrefix = `bench-${randomBytes(6).toString('hex')}:`
  const { redisUrl } = options
  const place = { folder, secret, redisPrefix, ...(redisUrl === undefined ? {} : { redisUrl }) }
  const policyFile = join(folder, 'policy', 'bench.csv')
  mkdirSync(join(folder, 'policy'))
  writeFileSync(policyFile, `${serviceRows(options.rows)}${options.furtherRows ?? ''}`)
  writeFileSync(join(folder, 'session-secret'), secret, { mode: 0o600 })
  writeFileSync(join(folder, 'client-secret'), secret, { mode: 0o600 })
  const configFile = join(folder, 'sallyport.yaml')
  // JSON is YAML.
  writeFileSync(configFile, JSON.stringify(settingsOf(place, options), null, 2))
  return { place, configFile, policyFile, planted: await plantAll(place, options.sessions ?? 1) }
}

async function plantAll(place: SessionPlace, count: number): Promise<readonly PlantedSession[]> {
  const planter = await createPlanter(place)
  try {
    return await planter.plant(count)
  } finally {
    await planter.close()
  }
}

function settingsOf({ redisUrl, redisPrefix }: SessionPlace, options: FolderOptions) {
  // A bench is not ended by a moment in which other programs have the cores; what it cost stands in the figures.
  const redis = { store: 'redis', url: redisUrl, prefix: redisPrefix, timeout: '60s' }
  const store = redisUrl === undefined ? { store: 'lmdb', path: './data' } : redis
  const cache = options.isCached === undefined ? {} : settingIfThere(cacheSetting, options.isCached)
  const workers = options.workers === undefined ? {} : settingIfThere(workersSetting, options.workers)
  // Nothing listens at the discard port: the bench logs nobody in.
  const provider = {
    name: 'corp',
    issuer: 'http://127.0.0.1:9',
    clientId: 'bench',
    clientSecretFile: './client-secret',
  }
  return {
    server: { url: 'https://auth.example.com', listen: '127.0.0.1:0', ...workers },
    admin: { listen: '127.0.0.1:0' },
    providers: [provider],
    // The provider is asked again when a planted session is due, and does not answer: not while anything is measured.
    sessions: { ...store, secretFile: './session-secret', verifyEvery: longestBench, ...cache },
    policy: { directory: './policy', watch: options.isPolicyWatched ?? true },
    audit: { destination: './audit.jsonl' },
    ...options.settings,
  }
}

/** As long as a planted session lasts at most. */
const longestBench = `${limits.lifetimeSeconds}s`

const settingIfThere = (setting: readonly [section: string, name: string], value: unknown): Record<string, unknown> =>
  hasSetting(setting) ? { [setting[1]]: value } : {}
