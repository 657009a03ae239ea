/**
 * Proofs that whoever sends a token holds the key that it was made for (DPoP, RFC 9449).
 *
 * Threat: a token that was read out of a log or a memory, used by somebody else. A proof is for one request: its method,
 * its address, this minute, this token; and it counts once, in all processes.
 */
import { hash } from 'node:crypto'
import { calculateJwkThumbprint, compactVerify, decodeProtectedHeader, EmbeddedJWK, type JWK } from 'jose'
import { readToken } from '../token/read-token.ts'
import { TokenRefused } from '../token/refusal.ts'

export interface ProofQuestion {
  /** Value of the header `DPoP`; `undefined` when it did not come, or came more than once. */
  readonly proof: string | undefined
  readonly method: string
  /** Of the request; its query does not count. */
  readonly url: string
  /** The token that comes along; absent where one is asked for. */
  readonly token?: string
  /** Thumbprint of the key that it has to be; absent where any will do. */
  readonly jkt?: string
}

export interface VerifiedProof {
  /** RFC 7638 SHA-256 thumbprint of the key. */
  readonly jkt: string
  /** Takes the proof: false if it was taken before. Rejects with `ERR_STORE_UNAVAILABLE` when nobody can tell. */
  readonly take: () => Promise<boolean>
}

export interface Proofs {
  /** Rejects with `TokenRefused`. */
  verify(question: ProofQuestion): Promise<VerifiedProof>
}

export interface ProofsOptions {
  readonly clock: { readonly now: () => number }
  /** False if the id was there before. */
  readonly firstUse: (id: string, expiresAtMs: number) => Promise<boolean>
  /** One text for all spellings of an address, without its query; `undefined` for what is none. */
  readonly canonical: (method: string, url: string) => string | undefined
}

/** Only those with which nobody but the holder can sign. */
export const proofAlgorithms: readonly string[] = ['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256']
const longestProof = 4_096
/** How far the clock of whoever makes a proof, and its way here, may be apart from ours. */
export const windowSeconds = 60

export function createProofs({ clock, firstUse, canonical }: ProofsOptions): Proofs {
  return {
    async verify({ proof, method, url, token, jkt: wanted }) {
      if (proof === undefined || proof.length > longestProof) throw new TokenRefused('proof')
      const { claims, type, algorithm } = readToken(proof)
      if (type !== 'dpop+jwt' || !proofAlgorithms.includes(algorithm)) throw new TokenRefused('proof')
      const { htm, htu, iat, jti, ath } = claims
      const isNow = typeof iat === 'number' && Math.abs(clock.now() / 1000 - iat) <= windowSeconds
      const isNamed = typeof jti === 'string' && /^[\x21-\x7e]{8,128}$/.test(jti)
      if (htm !== method || !isNow || !isNamed) throw new TokenRefused('proof')
      // Threat: a proof for one host or page, sent to another one.
      const address = typeof htu === 'string' ? canonical(method, htu) : undefined
      if (address === undefined || address !== canonical(method, url)) throw new TokenRefused('proof')
      if (token !== undefined && ath !== hash('sha256', token, 'base64url')) throw new TokenRefused('proof')
      const jkt = await signerOf(proof, wanted)
      // As long as it could be believed, and a window more for clocks of other replicas.
      const expiresAtMs = (iat + 2 * windowSeconds) * 1000
      return { jkt, take: () => firstUse(`${jkt} ${jti}`, expiresAtMs) }
    },
  }
}

/** Thumbprint of the key in its header, with which it is signed. */
async function signerOf(proof: string, wanted: string | undefined): Promise<string> {
  const jkt = await thumbprintIn(proof)
  // Threat: a signature that is forged, and costs us as much as its key is large. Whose key it is costs a digest.
  if (wanted !== undefined && jkt !== wanted) throw new TokenRefused('proof', 'the token is bound to another key')
  await checkSignature(proof)
  return jkt
}

/** Of the key in its header, which nobody has signed with so far. */
async function thumbprintIn(proof: string): Promise<string> {
  try {
    const { jwk } = decodeProtectedHeader(proof)
    // Threat: a private key that stands in a header is anybody's by then.
    if (jwk !== undefined && !('d' in jwk) && !('k' in jwk) && isCheap(jwk))
      return await calculateJwkThumbprint(jwk, 'sha256')
  } catch (error) {
    throw new TokenRefused('proof', undefined, { cause: error })
  }
  throw new TokenRefused('proof')
}

/** Threat: an RSA key of the sender's own making, with which one signature takes as long as a thousand. */
function isCheap({ kty, n, e }: JWK): boolean {
  if (kty !== 'RSA') return true
  const bits = bitsIn(n)
  return bits >= 2_048 && bits <= 4_096 && bitsIn(e) <= 32
}

function bitsIn(number: string | undefined): number {
  const digits = Buffer.from(String(number), 'base64url').toString('hex').replace(/^0+/, '')
  return digits.length * 4 - Math.clz32(Number.parseInt(digits[0] ?? '0', 16)) + 28
}

/** By the key in its header. */
async function checkSignature(proof: string): Promise<void> {
  try {
    await compactVerify(proof, EmbeddedJWK, { algorithms: [...proofAlgorithms] })
  } catch (error) {
    throw new TokenRefused('proof', undefined, { cause: error })
  }
}
