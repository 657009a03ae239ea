/** `sallyport kube inventory --admin`, against the running service. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { type PasswordsWorld, startPasswords } from './world.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-inventory-admin-'))
const manifest = join(directory, 'account.yaml')
writeFileSync(manifest, 'apiVersion: v1\nkind: ServiceAccount\nmetadata: { namespace: payments, name: deployer }\n')

let world: PasswordsWorld
beforeAll(async () => {
  world = await startPasswords()
})
afterAll(async () => {
  await world?.close()
  rmSync(directory, { recursive: true, force: true })
})

async function inventory(admin: string, ...more: readonly string[]) {
  const terminal = createTestTerminal({ env: {} })
  const args = ['kube', 'inventory', '--from', manifest, '--admin', admin, ...more]
  const code = await runCli(args, { version: '0', terminal })
  return { code, output: terminal.output(), errors: terminal.errors() }
}

it('has the application passwords that the service lists, with owner, end and last use, and nothing that opens anything', async () => {
  const { handle, text } = await world.make('alice')
  await world.use({ user: handle, text })
  const admin = `http://127.0.0.1:${world.adminPort}`
  const listed = async () =>
    (JSON.parse((await inventory(admin, '--json')).output) as { identities: { id: string; lastUsed?: string }[] })
      .identities
  await expect.poll(async () => (await listed()).find(({ id }) => id.endsWith(handle))?.lastUsed).toMatch(/^20/)
  expect((await listed()).find(({ id }) => id.endsWith(handle))).toMatchObject({
    id: `application-password:${handle}`,
    kind: 'application-password',
    owner: { name: `${world.provider.issuer}#alice`, inferredFrom: 'who made it' },
    credentials: [{ kind: 'password', name: handle, expires: expect.stringMatching(/^20/) }],
  })
  for (const form of [[], ['--csv'], ['--json']]) {
    const { code, output, errors } = await inventory(admin, ...form)
    expect(code).toBe(0)
    expect(output).toContain(form.length === 0 ? '1 application-password' : handle)
    expect(output + errors).not.toContain(text.slice(-48))
  }
})

it('fails, with the address, where the service is down: no inventory without its machines looks whole', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  server.close()
  await once(server, 'close')
  const { code, output, errors } = await inventory(`http://127.0.0.1:${port}`)
  expect([code, output]).toEqual([1, ''])
  expect(errors).toContain(`no answer from http://127.0.0.1:${port}`)
})
