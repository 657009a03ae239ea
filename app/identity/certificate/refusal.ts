/** Why a client certificate lets nobody in: a closed list, with the sentence for the log. */

export const certificateRefusals = {
  form: 'the header holds no certificate that can be read, or more than one',
  authority: 'it was issued by no authority that this host takes certificates of, or by two entries of them',
  signature: 'the authority of its issuer name has not signed it',
  time: 'it has expired, or counts only later',
  'authority-time': 'the certificate of its authority has expired, or counts only later',
  ca: 'it is that of an authority, and not that of a client',
  purpose: 'it is not for clients: its extended key usage has no clientAuth',
  usage: 'its key is not for signatures',
  critical: 'it asks for something to be understood that is not understood here',
  weak: 'its signature or its key is too weak',
  name: 'it has no name of the kinds that are taken, or several of them',
  'name-form': 'its name has a form that no row can name',
} as const

export type CertificateRefusalReason = keyof typeof certificateRefusals

export class CertificateRefused extends Error {
  readonly reason: CertificateRefusalReason
  constructor(reason: CertificateRefusalReason, options?: { readonly cause?: unknown }) {
    super(certificateRefusals[reason], options)
    this.name = 'CertificateRefused'
    this.reason = reason
  }
}
