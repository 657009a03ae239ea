/** A certificate of a server that was good for one day, years ago. `openssl req` makes none; `openssl ca` does. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Certificate } from '../certificates.ts'

/** @param host DNS name; the address 127.0.0.1 is in it as well */
export function issueExpired(authority: Certificate, host: string): Certificate {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-expired-'))
  const path = (name: string): string => join(directory, name)
  const settings = [
    '[ca]',
    'default_ca = own',
    '[own]',
    `database = ${path('database')}`,
    `new_certs_dir = ${directory}`,
    'rand_serial = yes',
    'default_md = sha256',
    'policy = any',
    'x509_extensions = extensions',
    '[any]',
    'commonName = supplied',
    '[extensions]',
    `subjectAltName = DNS:${host},IP:127.0.0.1`,
  ]
  writeFileSync(path('settings'), `${settings.join('\n')}\n`)
  writeFileSync(path('database'), '')
  writeFileSync(path('ca.pem'), authority.certificate)
  writeFileSync(path('ca.key'), authority.key, { mode: 0o600 })
  const run = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' })
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  run('req', '-new', ...kind, '-subj', `/CN=${host}`, '-keyout', path('key'), '-out', path('request'))
  const by = ['-config', path('settings'), '-cert', path('ca.pem'), '-keyfile', path('ca.key')]
  const time = ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z']
  run('ca', '-batch', '-notext', ...by, ...time, '-in', path('request'), '-out', path('certificate'))
  const issued = { certificate: readFileSync(path('certificate'), 'utf8'), key: readFileSync(path('key'), 'utf8') }
  rmSync(directory, { recursive: true, force: true })
  return issued
}
