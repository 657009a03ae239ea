/** `sallyport secret`: a fresh session secret. */
import { randomBytes } from 'node:crypto'
import { weaknessOf } from '../config/checks/weak-secrets.ts'
import { exitCodes, type Terminal } from './terminal.ts'

/** 32 random bytes in base64url; drawn again in the one case in many thousands where they spell a word. */
export function freshSecret(): string {
  let secret: string
  do secret = randomBytes(32).toString('base64url')
  while (weaknessOf(secret) !== undefined)
  return secret
}

export function printSecret(terminal: Terminal): number {
  terminal.write(`${freshSecret()}\n`)
  return exitCodes.ok
}
