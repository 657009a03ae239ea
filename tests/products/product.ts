/**
 * What an adapter has to say about a real product, and how its program is found, started and ended.
 *
 * `.ci/run` puts every product into a folder of its own name and version. A machine without one passes the tests: they
 * are skipped and the reason printed; with REQUIRE_PEERS=1 they fail.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { endProcess, requirePeer } from '../peers.ts'
import type { Person } from '../provider.ts'
import type { ProviderEntry } from '../service.ts'
import type { FormAnswers } from './form-visitor.ts'
import { type ProductName, productVersions } from './versions.ts'

/** Where the service under test will be. */
export interface ServiceAddresses {
  readonly callback: string
  readonly signedOut: string
  readonly backChannel: string
}

/** What a product may lack; the sentence says what it does in place of it. */
export type Ability =
  | 'groups'
  | 'singleSignOn'
  | 'endSession'
  | 'backChannel'
  | 'keyRotation'
  | 'oldTokenRefused'
  | 'secondBrowser'

/**
 * What the next verifications find after a person's account was closed: `refused` at once, `refused-again` at the second
 * attempt, `unanswered` until the grace is over, or `confirmed` as if nothing had happened.
 */
export type ClosedAccount = 'refused' | 'refused-again' | 'unanswered' | 'confirmed'

export interface Product {
  readonly name: ProductName
  readonly lacks: Readonly<Partial<Record<Ability, string>>>
  readonly closedAccount: ClosedAccount
  /** `error` of its answer to a refresh for a closed account; absent where it gives tokens. */
  readonly closedError?: string
  /** After the last group was taken away. */
  readonly lastGroup?: 'gone' | 'unanswered'
  /** Two of its tokens of one second are the same; Canaille answers 500 to the second request. */
  readonly isOneTokenASecond?: boolean
  /** File in the product's folder that tells whether it is there. */
  readonly program: string
  /** Programs of Debian that it is run with. */
  readonly beside?: readonly string[]
  readonly start: (folder: string, service: ServiceAddresses) => Promise<RunningProduct>
}

export interface RunningProduct {
  /** Laid over the entry of `providers`: issuer, credentials, scopes. */
  readonly entry: Partial<ProviderEntry>
  readonly issuer: string
  /** Where its pages are, the ones that people log in on included. */
  readonly origins: readonly string[]
  /** `sub` of a person. */
  readonly subjectOf: (person: Person) => string
  readonly answersOf: (person: Person) => FormAnswers
  /** How a product's own page is told to log out when it asks. */
  readonly logOutAnswers?: FormAnswers
  readonly joinGroup: (person: Person, group: string) => Promise<void>
  readonly leaveGroup: (person: Person, group: string) => Promise<void>
  readonly disable: (person: Person) => Promise<void>
  /** An administrator ends the sessions of a person there. */
  readonly logOut?: (person: Person) => Promise<void>
  readonly rotateKeys?: () => Promise<void>
  readonly stop: () => Promise<void>
}

/**
 * Letters, digits, and the two characters that a secret of a product has beside them. What else it could have, some products
 * do not decode in a header (RFC 6749 section 2.3.1): Canaille and Gitea do not.
 */
export const clientSecret = 'a-client_secret-of-a-test-0123456789'

export const passwordOf = (person: Person): string => `The password of ${person}, 1`

/** The folder of a product; when absent prints the reason, or throws with REQUIRE_PEERS=1. */
export const requireProduct = ({ name, program, beside = [] }: Product): string | undefined =>
  beside.every(one => requirePeer(one) !== undefined) ? requireBuilt(name, productVersions[name], program) : undefined

/** The same of whatever else .ci/run builds. */
export function requireBuilt(name: string, version: string, program: string): string | undefined {
  const folder = join(homedir(), '.cache', 'sallyport', `${name}-${version}`)
  try {
    accessSync(join(folder, program), constants.X_OK)
    return folder
  } catch {
    const reason = `${name} ${version} is not at ${folder} (.ci/run puts it there)`
    if (process.env.REQUIRE_PEERS === '1') throw new Error(`${reason}, and REQUIRE_PEERS=1 demands it`)
    process.stderr.write(`skipped: ${reason}\n`)
    return undefined
  }
}

const outbound = createOutbound({ timeoutMs: 10_000 })

/** A busy machine has needed a minute where a free one needs two seconds. */
const startTimeoutMs = 240_000

/** A program that serves HTTP on loopback, in a temporary folder that goes with it. */
export async function startProgram(
  command: string,
  args: readonly string[],
  readyUrl: string,
  options: SpawnOptions = {},
) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk).slice(-8000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const killOnExit = (): void => void child.kill('SIGKILL')
  process.once('exit', killOnExit)
  const stop = async (): Promise<void> => {
    process.off('exit', killOnExit)
    await endProcess(child)
  }
  try {
    await untilAnswered(child, readyUrl, () => output)
  } catch (error) {
    await stop()
    throw error
  }
  return { stop }
}

async function untilAnswered(child: ChildProcess, url: string, output: () => string): Promise<void> {
  const deadline = Date.now() + startTimeoutMs
  for (;;) {
    const answer = await outbound.fetch(url, {}).catch(() => undefined)
    if (answer?.ok) return
    if (child.exitCode !== null) throw new Error(`the product ended with ${child.exitCode}: ${output()}`)
    if (Date.now() > deadline) throw new Error(`the product is not ready after ${startTimeoutMs / 1000} s: ${output()}`)
    await delay(200)
  }
}

/** Runs a command to its end. @returns what it printed; rejects with what it complained of */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
  input = '',
): Promise<string> {
  const child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  let complaint = ''
  child.stdout?.on('data', chunk => {
    output += chunk
  })
  child.stderr?.on('data', chunk => {
    complaint += chunk
  })
  child.stdin?.end(input)
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${complaint}${output}`)
  return output
}

export function temporaryFolder(name: string): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `sallyport-${name}-`))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
