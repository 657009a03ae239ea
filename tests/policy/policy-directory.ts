/** A policy directory of one test, and ways to change it as people, editors and Kubernetes do. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'

export interface PolicyDirectory {
  readonly path: string
  /** Writes in place, as `cat >` does. */
  put(name: string, text: string | Uint8Array): void
  /** Writes a new file and renames it over the old one, as editors do. */
  renameOver(name: string, text: string): void
  remove(name: string): void
  destroy(): void
}

export function createPolicyDirectory(): PolicyDirectory {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-policy-'))
  const path = join(root, 'policy')
  mkdirSync(path)
  return {
    path,
    put: (name, text) => writeFileSync(join(path, name), text),
    renameOver(name, text) {
      writeFileSync(join(path, `.${name}.swp`), text)
      renameSync(join(path, `.${name}.swp`), join(path, name))
    },
    remove: name => rmSync(join(path, name), { recursive: true }),
    destroy: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** Swaps a Kubernetes volume: files are links into `..data`, which is a link to the folder of one revision. */
export function publishConfigMap(path: string, revision: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(path, revision))
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(path, revision, name), text)
    try {
      symlinkSync(join('..data', name), join(path, name))
    } catch {
      // It is there since the first revision.
    }
  }
  swapConfigMap(path, revision)
}

/** Makes a published revision the current one, in one step. */
export function swapConfigMap(path: string, revision: string): void {
  symlinkSync(revision, join(path, '..data_tmp'))
  renameSync(join(path, '..data_tmp'), join(path, '..data'))
}

/** Waits until it holds; fails with the last reason after five seconds. */
export const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 60_000, interval: 10 })

export const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
