/** Authorities that issue certificates of machines, of any shape. Needs `openssl` on the PATH. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Certificate } from '../certificates.ts'

export interface WantedCertificate {
  /** Subject alternative names with their kind, such as `URI:spiffe://…`. Default none. */
  readonly names?: readonly string[]
  readonly commonName?: string
  /** Default `clientAuth`; `null`: the extension is not there. */
  readonly purpose?: string | null
  readonly usage?: string
  readonly isAuthority?: boolean
  /** Further extensions, as `openssl req -addext` has them. */
  readonly more?: readonly string[]
  /** How long it counts. Default 1. */
  readonly days?: number
  /** Arguments for another key or digest. */
  readonly kind?: readonly string[]
}

export interface MachineAuthority extends Certificate {
  readonly issue: (wanted?: WantedCertificate) => Certificate
  /** Its certificate anew, with the same key and name. */
  readonly renew: (days: number) => string
  readonly close: () => void
}

const ellipticKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']

/** @param own further extensions of its own certificate */
export function createMachineAuthority(commonName: string, own: WantedCertificate = {}): MachineAuthority {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-machine-authority-'))
  let count = 0
  const make = (wanted: WantedCertificate, by: readonly string[]): Certificate & { readonly file: string } => {
    const {
      names = [],
      purpose = 'clientAuth',
      usage,
      isAuthority = false,
      more = [],
      kind = ellipticKey,
      days = 1,
    } = wanted
    const file = join(directory, String(++count))
    const extensions = [
      `basicConstraints=critical,CA:${isAuthority ? 'TRUE' : 'FALSE'}`,
      ...(purpose === null || isAuthority ? [] : [`extendedKeyUsage=${purpose}`]),
      ...(usage === undefined ? [] : [`keyUsage=critical,${usage}`]),
      ...(names.length === 0 ? [] : [`subjectAltName=${names.join(',')}`]),
      ...more,
    ]
    const files = ['-keyout', `${file}.key`, '-out', `${file}.pem`, '-nodes', '-days', String(days)]
    const subject = ['-subj', `/CN=${wanted.commonName ?? 'robot'}`]
    const added = extensions.flatMap(extension => ['-addext', extension])
    execFileSync('openssl', ['req', '-x509', ...kind, ...subject, ...files, ...by, ...added], { stdio: 'ignore' })
    return { file, certificate: readFileSync(`${file}.pem`, 'utf8'), key: readFileSync(`${file}.key`, 'utf8') }
  }
  const self = { ...own, commonName, isAuthority: own.isAuthority ?? true }
  const authority = make(self, [])
  return {
    certificate: authority.certificate,
    key: authority.key,
    issue: (wanted = {}) => make(wanted, ['-CA', `${authority.file}.pem`, '-CAkey', `${authority.file}.key`]),
    renew: days => {
      const anew = ['-key', `${authority.file}.key`, '-subj', `/CN=${commonName}`, '-days', String(days)]
      const constraints = ['-addext', 'basicConstraints=critical,CA:TRUE']
      return execFileSync('openssl', ['req', '-x509', ...anew, ...constraints], { encoding: 'utf8' })
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  }
}
