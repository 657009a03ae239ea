/**
 * Policy files in a directory: every `*.csv` in order of name, `conditions.yaml`, and every `*.test.yaml` below it.
 *
 * A half-written state must never be compiled: a file cut off before its deny rows would open doors. So files are read
 * only between two equal looks at the directory, each in the very state that was seen, and a change is reported only
 * once the directory has stopped changing.
 */
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { PolicyError } from '../../rbac/policy-error.ts'
import { type DirectoryState, fileState, isTestFile, readDirectoryState } from './directory-state.ts'
import type { PolicySource, PolicyText, PolicyTexts } from './policy-source.ts'
import { watchDirectoryState } from './watch-directory.ts'

export interface PolicyFilesOptions {
  readonly directory: string
  /** The built-in Casbin model. */
  readonly model: string
  /** How long the directory has to stay as it is before a change counts, in milliseconds. Default 100. */
  readonly settleMs?: number
  /** How often to look without being told, in milliseconds: network file systems tell nothing. Default 5000. */
  readonly pollMs?: number
}

export function createPolicyFiles(options: PolicyFilesOptions): PolicySource {
  const { directory, settleMs = defaultSettleMs, pollMs = 5000 } = options
  // A change between the load and the start of the watch is a change as well.
  let loaded: string | undefined
  return {
    async load() {
      const { texts, fingerprint } = await loadSettled(options)
      loaded = fingerprint
      return texts
    },
    watch: onChange => watchDirectoryState({ directory, settleMs, pollMs, known: loaded }, onChange),
  }
}

const defaultSettleMs = 100

const maximumAttempts = 20

interface SettledTexts {
  readonly texts: PolicyTexts
  readonly fingerprint: string
}

async function loadSettled(options: PolicyFilesOptions): Promise<SettledTexts> {
  const { directory, model, settleMs = defaultSettleMs } = options
  await refuseIgnoredNames(directory)
  for (let attempt = 0; attempt < maximumAttempts; attempt++) {
    const state = await stateOf(directory)
    const [reading] = await Promise.allSettled([readTexts(directory, state.files, model)])
    const { fingerprint } = await stateOf(directory)
    const isChanging =
      state.fingerprint !== fingerprint || (reading.status === 'fulfilled' && reading.value === 'changed')
    if (isChanging) await new Promise(resolve => setTimeout(resolve, settleMs))
    else if (reading.status === 'rejected') throw reading.reason
    else if (reading.value !== 'changed') return { texts: reading.value, fingerprint }
  }
  throw problem(directory, 'the policy files keep changing while they are read')
}

const problem = (file: string, message: string): PolicyError => new PolicyError([{ file, line: 1, column: 1, message }])

async function stateOf(directory: string) {
  try {
    return await readDirectoryState(directory)
  } catch {
    throw problem(directory, 'expected a directory with policy files that can be read')
  }
}

/** A file that looks like part of the policy and is none would be believed to be in force. */
async function refuseIgnoredNames(directory: string): Promise<void> {
  const names = await readdir(directory).catch((): string[] => [])
  for (const name of names.filter(candidate => !candidate.startsWith('.'))) {
    if (name === 'conditions.yml') throw problem(join(directory, name), 'expected the name conditions.yaml')
    if (name.endsWith('.test.yml')) throw problem(join(directory, name), 'expected a name that ends in .test.yaml')
    if (/\.csv$/i.test(name) && !name.endsWith('.csv'))
      throw problem(join(directory, name), 'expected .csv in lower case')
  }
}

type Changed = 'changed'

async function readTexts(
  directory: string,
  states: DirectoryState['files'],
  model: string,
): Promise<PolicyTexts | Changed> {
  const readings = await Promise.all([...states].map(([name, state]) => readText(directory, name, state)))
  const texts = readings.filter(reading => reading !== 'changed')
  if (texts.length < readings.length) return 'changed'
  const named = (name: string) => texts.find(text => text.name === name)
  const own = named('model.conf')
  // Rows mean what the documentation says because the model is fixed: another one is refused, not silently passed over.
  if (own !== undefined && normalised(own.text) !== normalised(model)) {
    throw problem(own.name, 'the model differs from the built-in one, which fixes what rows mean; remove this file')
  }
  const conditions = named('conditions.yaml')
  const tests = texts.filter(text => isTestFile(text.name))
  return {
    model,
    files: texts.filter(text => text.name.endsWith('.csv')),
    ...(conditions === undefined ? {} : { conditions }),
    ...(tests.length === 0 ? {} : { tests }),
  }
}

const normalised = (model: string): string =>
  model
    .split(/\r?\n/)
    .map(line => line.replace(/#.*/, '').replaceAll(/\s+/g, ' ').trim())
    .filter(line => line !== '')
    .join('\n')

// A directory swapped there and back looks the same before and after: each file has to be the one that was looked at.
async function readText(directory: string, name: string, state: string): Promise<PolicyText | Changed> {
  const bytes = await readIn(join(directory, name), state).catch(() => {
    throw problem(name, 'expected a file that can be read')
  })
  if (bytes === 'changed') return bytes
  try {
    return { name, text: await decodeInPieces(bytes) }
  } catch {
    throw problem(name, 'expected text in UTF-8')
  }
}

/** Bytes; to decode them takes about a millisecond. */
const pieceLength = 1_048_576

/** A policy of any size is read without holding up the requests that are decided meanwhile. Rejects what is not UTF-8. */
async function decodeInPieces(bytes: Buffer): Promise<string> {
  const pieces: string[] = []
  for (let start = 0; start < bytes.length; ) {
    const end = endOfCharacter(bytes, start + pieceLength)
    // A mark of byte order is one at the start of the file alone.
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: start > 0 })
    pieces.push(decoder.decode(bytes.subarray(start, end)))
    start = end
    if (start < bytes.length) await nextTurn()
  }
  return pieces.join('')
}

/** The last place up to `end` between two characters, each of which is at most four bytes long. */
function endOfCharacter(bytes: Buffer, end: number): number {
  if (end >= bytes.length) return bytes.length
  for (let place = end; place > end - 4; place--) if (((bytes[place] ?? 0) & 0xc0) !== 0x80) return place
  return end
}

async function readIn(path: string, state: string): Promise<Buffer | Changed> {
  const file = await open(path)
  try {
    const bytes = await file.readFile()
    return fileState(await file.stat({ bigint: true })) === state ? bytes : 'changed'
  } finally {
    await file.close()
  }
}
