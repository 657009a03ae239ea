/**
 * A token for the holder of a key (RFC 9449 section 5): whoever sends a proof with the request gets one that is worth nothing
 * without a further proof each time. Threat: a token that is bound, exchanged by whoever stole it for one that is not.
 */
import type { Request } from 'express'
import type { VerifiedProof } from '../identity/proof/dpop.ts'
import { type ExchangeDependencies, exchangeIssuerOf } from './dependencies.ts'
import { ExchangeError } from './parameters.ts'
import type { Subject } from './subject.ts'

/** `undefined` where none came along and none is needed. Rejects with `ExchangeError`. */
export async function proofFor(
  { headers }: Request,
  { confirmation }: Pick<Subject, 'confirmation'>,
  { publicUrl, verifyProof }: ExchangeDependencies,
): Promise<VerifiedProof | undefined> {
  const { dpop } = headers
  const { jkt } = confirmation ?? {}
  if (dpop === undefined && jkt === undefined) return undefined
  // Of two headers one text is made, with a comma, which is no proof.
  const question = { proof: [dpop ?? ''].flat().join(', '), method: 'POST', url: exchangeIssuerOf(publicUrl) }
  const proof = await verifyProof({ ...question, ...(jkt !== undefined && { jkt }) })
  if ('refusal' in proof) throw new ExchangeError('invalid_dpop_proof', proof.refusal, 'proof')
  return proof
}

/** As late as can be: what is refused for another reason may be sent again. */
export async function takeProof(proof: VerifiedProof | undefined): Promise<void> {
  if (proof === undefined || (await proof.take())) return
  throw new ExchangeError('invalid_dpop_proof', 'the proof was used before', 'proof')
}
