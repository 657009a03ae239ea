/** Inspects one client certificate: by the code that makes machines of them, and by the policy. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type CertificateTrust, readCertificateTrust } from '../../app/compose/certificates.ts'
import { certificateRefusals } from '../../app/identity/certificate/refusal.ts'
import {
  inspectCertificate,
  namesIssuer,
  type ReadCertificate,
  type TrustedAuthority,
} from '../../app/identity/certificate/verify-certificate.ts'
import { readCertificate } from '../../app/identity/machine-certificate.ts'
import type { Config } from '../../config/config.ts'
import { createHostSettings } from '../../config/host-settings.ts'
import { ValueError } from '../../rbac/policy-error.ts'
import type { Terminal } from '../terminal.ts'
import type { CertificateInspection, Reason } from './inspection.ts'
import { askPolicy, type InspectValues, parseQuestion } from './question.ts'

export async function inspectClientCertificate(
  file: string,
  values: InspectValues,
  terminal: Terminal,
): Promise<CertificateInspection> {
  const read = readFrom(file, terminal)
  // The policy sees the certificate of the connection, unless another one is named.
  const question = parseQuestion({ ...values, certificate: values.certificate ?? [file] }, terminal)
  const { config, context, host, call } = question
  const trust = readCertificateTrust({ config, hostSettings: createHostSettings(config.hosts) }, path =>
    readFileSync(path, 'utf8'),
  )
  const accepted = host === undefined ? trust.authorities : trust.acceptedOn(host)
  const { refusals, identity } = inspectCertificate(read, accepted ?? trust.authorities, context.now * 1000)
  const reasons = [
    ...obstaclesOf(config, host, accepted),
    ...refusals.map(({ reason, message }) => ({ reason, message: reason === 'authority' ? ofNobody : message })),
  ]
  const found: CertificateInspection = {
    verdict: reasons.length === 0 ? 'accepted' : 'refused',
    reasons,
    certificate: read.certificate,
    fingerprint: read.fingerprint,
    known: trust.authorities.map(({ name }) => name),
    takenOn: hostsTaking(read, config, trust),
    now: context.now,
    ...(host !== undefined && { host }),
    ...(host !== undefined && accepted !== undefined && { takes: accepted.map(({ name }) => name) }),
    ...(identity !== undefined && { identity }),
  }
  if (call === undefined || identity === undefined) return found
  return { ...found, policy: await askPolicy(call, identity, { context, values, terminal }) }
}

const ofNobody = `${certificateRefusals.authority}: it names nobody, and is part of the connection, for conditions`

function readFrom(file: string, { cwd }: Terminal): ReadCertificate {
  const read = readCertificate(textOf(file, cwd))
  if (read === undefined) throw new ValueError(`${file} does not hold one certificate in PEM, and nothing else`)
  return read
}

function textOf(file: string, cwd: string): string {
  try {
    return readFileSync(resolve(cwd, file), 'utf8')
  } catch {
    throw new ValueError(`${file} cannot be read`)
  }
}

/** Why no certificate at all would do. */
function obstaclesOf(
  { server }: Config,
  host: string | undefined,
  accepted: readonly TrustedAuthority[] | undefined,
): readonly Reason[] {
  const noHeader = 'no proxy passes certificates on: server.clientCertificateHeader is not set'
  const noHost =
    'this host takes no machines by certificate (hosts[].certificateFrom): there it is part of the connection'
  return [
    ...(server.clientCertificateHeader === undefined ? [{ reason: 'header', message: noHeader }] : []),
    ...(host !== undefined && accepted === undefined ? [{ reason: 'host', message: noHost }] : []),
  ]
}

const hostsTaking = (read: ReadCertificate, { hosts }: Config, { authorities }: CertificateTrust): readonly string[] =>
  hosts.flatMap(({ host, certificateFrom = [] }) =>
    authorities.some(authority => certificateFrom.includes(authority.name) && namesIssuer(read, authority))
      ? [host]
      : [],
  )
