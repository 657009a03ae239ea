/** What the smallest service loads, named: what comes back unseen is paid for by every start. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { cli, runCommand, spawnService, untilListening } from '../lifecycle/process.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-loaded-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const root = resolve(dirname(cli), '../..')

/** Files that a process has run, by what Node writes of them when it ends, and what is packed in them. */
function loadedBy(name: string): { readonly files: readonly string[]; readonly modules: readonly string[] } {
  const reports = readdirSync(join(folder, name)).map(file =>
    JSON.parse(readFileSync(join(folder, name, file), 'utf8')),
  )
  const urls: string[] = reports.flatMap(({ result }) => result.map(({ url }: { url: string }) => url))
  const files = urls.filter(url => url.startsWith('file:')).map(url => fileURLToPath(url))
  const modules = files.flatMap(file => {
    if (!file.includes('/dist/packed/')) return [file]
    // What the packer itself adds has no sources.
    if (basename(file).startsWith('rolldown-runtime-')) return []
    const { sources }: { sources: string[] } = JSON.parse(readFileSync(`${file}.map`, 'utf8'))
    return sources.map(source => resolve(dirname(file), source))
  })
  return { files, modules: modules.map(path => path.slice(root.length + 1)) }
}

const reportTo = (name: string): NodeJS.ProcessEnv => ({ NODE_V8_COVERAGE: join(folder, name) })

/** Of parts that the smallest configuration does not have, and of commands that nobody named. */
const unused = [
  /^dist\/cli\/(?!main|program|define|lazy|serve|load-config|report|terminal|progress|session-handles|insecure|admin\/option|doctor\/command|completion\/command|passwords\/commands|kube\/login-commands|[a-z]+-commands)/,
  /^dist\/app\/(?:authzen|exchange|ext-authz|grants\/routes|kubernetes\/gateway|sessions\/redis|workers)\//,
  /^dist\/rbac\/reach\//,
  /^node_modules\/(?:redis|@redis|@grpc|oidc-provider|asn1js|httpxy)\//,
]

describe('what is loaded', () => {
  test('by serve with one provider and LMDB is what that uses, in few files', async () => {
    const service = await spawnService({ policy: '', env: reportTo('serve') })
    try {
      await untilListening(service)
      service.child.kill('SIGTERM')
      expect(await service.ended).toBe(0)
      const { files, modules } = loadedBy('serve')
      expect(modules).toContain('dist/app/verify.js')
      expect(modules.filter(path => unused.some(form => form.test(path)))).toEqual([])
      expect(files.length).toBeLessThan(220)
    } finally {
      await service.stop()
    }
  })

  test('by a help is no library but that of the command line', async () => {
    const { status } = await runCommand(['--help'], { ...process.env, ...reportTo('help') })
    expect(status).toBe(0)
    const { modules } = loadedBy('help')
    expect(modules.filter(path => /^node_modules\/(?!commander|picocolors)/.test(path))).toEqual([])
    expect(modules.length).toBeGreaterThan(10)
    expect(modules.length).toBeLessThan(50)
  })

  test('by a command of the policy is packed', async () => {
    const { status } = await runCommand(['policy', 'check', join(root, 'rbac')], {
      ...process.env,
      ...reportTo('policy'),
    })
    expect(status).toBe(0)
    const { files, modules } = loadedBy('policy')
    expect(modules).toContain('dist/cli/policy/check.js')
    expect(
      modules.filter(path => /^(?:dist\/rbac\/reach\/|node_modules\/(?:express|jose|undici|lmdb)\/)/.test(path)),
    ).toEqual([])
    expect(files.length).toBeLessThan(60)
  })

  test('by a credential plugin, which kubectl runs for each of its calls, is no schema of a configuration', async () => {
    const { status } = await runCommand(['kube', 'credential', '--help'], { ...process.env, ...reportTo('credential') })
    expect(status).toBe(0)
    const { modules } = loadedBy('credential')
    expect(modules).toContain('dist/cli/kube/commands.js')
    expect(modules.filter(path => /^(?:node_modules\/zod|dist\/config\/schema)\//.test(path))).toEqual([])
  })
})
