/** What `npm pack` takes: all that runs, and nothing that is only for whoever changes the project. Needs `npm run build`. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtCommandLine } from '../built-command-line.ts'

const root = join(import.meta.dirname, '../..')
builtCommandLine()

let folder: string
let unpacked: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-package-'))
  const options = { cwd: root, encoding: 'utf8' } as const
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], options),
  )
  execFileSync('tar', ['-xzf', join(folder, packed.filename), '-C', folder])
  unpacked = join(folder, 'package')
  linkPackages(({ dev }) => dev !== true)
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Locked {
  readonly dev?: boolean
}

/** What `npm install` would put there of those that the lock file has. */
function linkPackages(isWanted: (locked: Locked) => boolean): void {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Locked>>
  }
  const top = /^node_modules\/(?:@[^/]+\/)?[^/]+$/
  for (const [path, locked] of Object.entries(packages)) {
    if (!top.test(path) || !isWanted(locked) || !existsSync(join(root, path)) || existsSync(join(unpacked, path)))
      continue
    mkdirSync(dirname(join(unpacked, path)), { recursive: true })
    symlinkSync(join(root, path), join(unpacked, path))
  }
}

const filesBelow = (start: string, within: string): readonly string[] =>
  readdirSync(join(start, within), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(start, join(entry.parentPath, entry.name)))

const run = (...args: readonly string[]): string =>
  execFileSync(process.execPath, [join(unpacked, 'dist/cli/main.js'), ...args], { cwd: folder, encoding: 'utf8' })

describe('the package', () => {
  it('holds what was built, without what only debuggers and benches read', () => {
    for (const part of ['app', 'cli', 'config', 'rbac', 'spelling']) {
      const built = filesBelow(root, `dist/${part}`).filter(path => !path.endsWith('.map'))
      expect([...filesBelow(unpacked, `dist/${part}`)].sort()).toEqual([...built].sort())
    }
    const others = [
      'README.md',
      'CHANGELOG.md',
      'LICENSE',
      'SECURITY.md',
      'package.json',
      'dist',
      'deploy',
      'docs',
      'node_modules',
    ]
    expect(readdirSync(unpacked).sort()).toEqual(others.sort())
    expect(readdirSync(join(unpacked, 'dist')).sort()).toEqual(['app', 'cli', 'config', 'rbac', 'spelling'])
  })

  it('runs from there', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect(run('--version')).toBe(`${version}\n`)
    const answers = ['--url', 'https://auth.example.com', '--issuer', 'https://idp.example.com']
    expect(run('init', 'mine', ...answers, '--host', 'wiki.example.com=127.0.0.1:8080')).toContain('it would start')
    expect(run('policy', 'test', 'mine/policy')).toContain('ok: 2 cases')
  })

  it('has no provider of the demo, says so, and runs the demo with it', () => {
    const demo = () => {
      const args = [join(unpacked, 'dist/cli/main.js'), 'demo', '--check', '--proxy', 'built-in', '--json']
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
      return { status, stdout, stderr }
    }
    expect(existsSync(join(unpacked, 'node_modules/oidc-provider'))).toBe(false)
    const without = demo()
    expect([without.status, without.stderr]).toEqual([1, expect.stringContaining('npm install oidc-provider@9')])
    linkPackages(() => true)
    const withIt = demo()
    expect([withIt.status, withIt.stderr]).toEqual([0, ''])
  }, 180_000)
})
