/** Composition of machines that come with client certificates: whose are believed, and which host takes which. */
import type { HostSettings } from '../../config/host-settings.ts'
import type { Authenticator } from '../identity/authenticators.ts'
import { readAuthorities } from '../identity/certificate/authority.ts'
import type { TrustedAuthority } from '../identity/certificate/verify-certificate.ts'
import { createMachineCertificate } from '../identity/machine-certificate.ts'
import { watchFiles } from '../kubernetes/gateway/changing-files.ts'
import type { Base } from './kept.ts'

export interface MachineCertificates {
  readonly authenticators: readonly Authenticator[]
  close(): void
}

/** For configurations that take certificates. Throws for files that cannot be used. */
export function composeCertificateMachines(base: Base): MachineCertificates {
  const { config, clock, hostSettings } = base
  const { clientCertificateHeader: header = '' } = config.server
  const watched = (config.machines?.certificates ?? []).map(settings => watchAuthority(base, settings))
  const authorities = watched.map(({ authority }) => authority)
  const acceptedOn = createAcceptances(hostSettings, authorities)
  return {
    authenticators: [createMachineCertificate({ header, authorities, acceptedOn, clock })],
    close: () => {
      for (const { close } of watched) close()
    },
  }
}

/** For a look that does not last: the files are read once. Throws for files that cannot be used. */
export function readCertificateTrust(
  { config, hostSettings }: Pick<Base, 'config' | 'hostSettings'>,
  readFile: (path: string) => string,
): CertificateTrust {
  const authorities = (config.machines?.certificates ?? []).map(({ name, names, caPath }): TrustedAuthority => {
    const certificates = readAuthorities(readFile(caPath))
    return { name, names, current: () => certificates }
  })
  return { authorities, acceptedOn: createAcceptances(hostSettings, authorities) }
}

/** Whose certificates name machines. */
export interface CertificateTrust {
  readonly authorities: readonly TrustedAuthority[]
  /** `undefined` for a host that takes no certificates; the same list for the same host. */
  readonly acceptedOn: (domain: string) => readonly TrustedAuthority[] | undefined
}

function createAcceptances(
  hostSettings: Base['hostSettings'],
  authorities: readonly TrustedAuthority[],
): CertificateTrust['acceptedOn'] {
  const known = new WeakMap<HostSettings, readonly TrustedAuthority[]>()
  return domain => {
    const settings = hostSettings(domain)
    const { certificateFrom } = settings
    if (certificateFrom === undefined) return undefined
    const accepted = known.get(settings) ?? authorities.filter(({ name }) => certificateFrom.includes(name))
    known.set(settings, accepted)
    return accepted
  }
}

type Settings = NonNullable<Base['config']['machines']>['certificates'][number]

/** What the file says by now counts: of an authority that was taken out nobody gets in, a file that cannot be used changes nothing. */
function watchAuthority({ logger }: Base, { name, names, caPath }: Settings) {
  const log = logger.child('machines')
  const file = watchFiles({
    paths: [caPath],
    use: ([text = '']) => readAuthorities(text),
    onError: error =>
      log.error({ err: error, authority: name }, 'authorities could not be read again; the last ones count'),
    onChange: () => log.info({ authority: name }, 'authorities were read again'),
  })
  const authority: TrustedAuthority = { name, names, current: () => file.value }
  return { authority, close: file.close }
}
