/** Rows of the domain `tokens` that give a token for a cluster: those alone that name clusters. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority } from '../certificates.ts'
import { type ExchangeWorld, startExchange } from './world.ts'

/** As they may have stood here before there were tokens for clusters: hosts are meant. */
const policy = [
  'p, service-account:prod/ci/deployer, tokens, /**, create, -, allow',
  'p, authenticated, tokens, /*, create, -, allow',
  'p, client:robots/relay, tokens, /kube:*, create, -, allow',
  'p, client:robots/relay, tokens, /kube:green, create, -, deny',
  'p, client:robots/auditor, tokens, /kube:*, create, -, allow',
  'p, client:robots/auditor, tokens, /**, create, -, deny',
  'p, authenticated, kube:blue, /**, *, -, allow',
  '',
].join('\n')

describe('J120 a row of tokens for every host', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-cluster-rows-'))
  let world: ExchangeWorld

  const write = (file: string, text: string): string => {
    writeFileSync(join(directory, file), text, { mode: 0o600 })
    return join(directory, file)
  }

  beforeAll(async () => {
    const authority = createAuthority('an authority of tests')
    const listener = authority.issue('127.0.0.1', ['IP:127.0.0.1'])
    const credential = { tokenFile: write('token', 'a-token-of-the-gateway') }
    const tls = { certificateFile: write('tls.pem', listener.certificate), keyFile: write('tls.key', listener.key) }
    const caFile = write('ca.pem', authority.certificate)
    authority.close()
    const clusters = ['blue', 'green'].map(name => ({ name, server: 'https://127.0.0.1:9', caFile, credential }))
    const kubernetes = { url: 'https://127.0.0.1:9999', listen: '127.0.0.1:0', tls, clusters }
    world = await startExchange({ policy, settings: { kubernetes } })
  })
  afterAll(async () => {
    await world?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const asked = async (audience: string, subject?: string) => {
    const { status, body } = await world.exchange({
      audience,
      ...(subject !== undefined && { subject_token: subject }),
    })
    return [status, body.error]
  }

  it('gives tokens for hosts and for no cluster', async () => {
    expect(await asked('wiki.example.com')).toEqual([200, undefined])
    expect(await asked('kube:blue')).toEqual([400, 'invalid_target'])
    expect(await asked('kube:blue', world.robot('anybody'))).toEqual([400, 'invalid_target'])
  })

  it('one that names clusters does, and one that denies everything denies them too', async () => {
    expect(await asked('kube:blue', world.robot('relay'))).toEqual([200, undefined])
    expect(await asked('kube:green', world.robot('relay'))).toEqual([400, 'invalid_target'])
    expect(await asked('kube:blue', world.robot('auditor'))).toEqual([400, 'invalid_target'])
  })
})
