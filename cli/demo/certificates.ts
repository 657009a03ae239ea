/** Certificates for a day: an authority, and whom it vouches for. Needs `openssl` on the PATH. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificate {
  /** PEM. */
  readonly certificate: string
  /** PEM. */
  readonly key: string
}

export interface Authority extends Certificate {
  /**
   * @param names hosts of a server, or names with their kind (`email:alice@example.com`); none for most clients
   * @param organizations what Kubernetes takes for a person's groups
   */
  readonly issue: (commonName: string, names?: readonly string[], organizations?: readonly string[]) => Certificate
  readonly close: () => void
}

/** @param parent where its files are until it is closed */
export function createAuthority(name: string, parent = tmpdir()): Authority {
  const directory = mkdtempSync(join(parent, 'sallyport-certificates-'))
  const own = make(directory, 'authority', { commonName: name, organizations: [], more: [] })
  const by = ['-CA', join(directory, 'authority.pem'), '-CAkey', join(directory, 'authority.key')]
  let count = 0
  return {
    ...own,
    issue: (commonName, names = [], organizations = []) => {
      const list = names.map(name => (name.includes(':') ? name : `DNS:${name}`)).join(',')
      const use = list === '' ? [] : ['-addext', `subjectAltName=${list}`]
      const more = [...by, '-addext', 'basicConstraints=CA:FALSE', ...use]
      return make(directory, `issued-${++count}`, { commonName, organizations, more })
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  }
}

interface Wanted {
  readonly commonName: string
  readonly organizations: readonly string[]
  /** Further arguments of `openssl req`. */
  readonly more: readonly string[]
}

function make(directory: string, file: string, { commonName, organizations, more }: Wanted): Certificate {
  const subject = [...organizations.map(name => `/O=${name}`), `/CN=${commonName}`].join('')
  const [key, certificate] = [join(directory, `${file}.key`), join(directory, `${file}.pem`)]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  const files = ['-keyout', key, '-out', certificate]
  execFileSync('openssl', ['req', '-x509', ...kind, '-subj', subject, ...files, ...more], {
    stdio: 'ignore',
  })
  return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') }
}
