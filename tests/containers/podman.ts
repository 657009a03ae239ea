/** Containers by podman, for tests; `tests/containers/install` builds the image. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { findPeer } from '../peers.ts'

export const image = 'localhost/sallyport:test'
/** A machine of Debian with systemd, on which it is. */
export const machineImage = 'localhost/sallyport-systemd:test'
const home = join(homedir(), '.cache/sallyport/containers')
const storage = join(home, 'storage.conf')
const environment = { CONTAINERS_STORAGE_CONF: storage, CONTAINERS_CONF: join(home, 'containers.conf') }
/** crun refuses the control groups of some machines. */
const runtime = ['--runtime=runc', '--cgroup-manager=cgroupfs']

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export function podman(args: readonly string[]): Promise<Ran> {
  const env = { ...process.env, ...environment }
  return finished(spawn('podman', [...runtime, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] }))
}

/** `podman-compose`, from the folder of compose.yaml. */
export function podmanCompose(args: readonly string[]): Promise<Ran> {
  const env = { ...process.env, ...environment }
  const cwd = join(import.meta.dirname, '../..')
  return finished(spawn('podman-compose', args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }))
}

function finished(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Ran> {
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (part: Buffer) => {
    stdout += part.toString()
  })
  child.stderr.on('data', (part: Buffer) => {
    stderr += part.toString()
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code, stdout, stderr }))
  })
}

/** Whether there is a podman with the image of this tree; when not prints the reason, or throws it where all is required. */
export async function hasImage(name = image): Promise<boolean> {
  const reason = await reasonAgainst(name)
  if (reason !== undefined && process.env.REQUIRE_PEERS === '1') throw new Error(reason)
  if (reason !== undefined) process.stderr.write(`skipped: ${reason}\n`)
  return reason === undefined
}

async function reasonAgainst(name: string): Promise<string | undefined> {
  const install = 'tests/containers/install'
  if (process.getuid?.() !== 0) return 'containers are started as root here'
  if (findPeer('podman') === undefined) return `podman is not on the PATH (${install} puts it there)`
  if (!existsSync(storage)) return `there is no image ${name} (${install} builds it)`
  const label = '{{ index .Config.Labels "sallyport.tree" }}'
  const [made, now] = await Promise.all([
    podman(['image', 'inspect', `--format=${label}`, name]),
    finished(spawn(join(import.meta.dirname, 'tree'), { stdio: ['ignore', 'pipe', 'pipe'] })),
  ])
  if (made.code !== 0) return `there is no image ${name} (${install} builds it)`
  if (now.code !== 0) return `what the image is made of cannot be told: ${now.stderr}`
  return made.stdout === now.stdout
    ? undefined
    : `the image ${name} is one of another tree (${install} builds it again)`
}
