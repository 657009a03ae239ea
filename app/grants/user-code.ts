/**
 * Codes that people type (RFC 8628 section 6.1): eight consonants, 20^8 of them, so that no word comes out and none is
 * taken for a digit. `BCDF-GHJK` to read, `BCDFGHJK` to compare.
 */
import { randomInt } from 'node:crypto'

const letters = 'BCDFGHJKLMNPQRSTVWXZ'
const length = 8

export const newUserCode = (): string => Array.from({ length }, () => letters[randomInt(letters.length)]).join('')

export const showUserCode = (code: string): string => `${code.slice(0, length / 2)}-${code.slice(length / 2)}`

/** What somebody typed, in any case, with whatever stands between; `undefined` for what is no code. */
export function readUserCode(typed: unknown): string | undefined {
  if (typeof typed !== 'string' || typed.length > 64) return undefined
  const code = typed.toUpperCase().replaceAll(/[\s_.-]/g, '')
  return /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/.test(code) ? code : undefined
}
