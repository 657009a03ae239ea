/**
 * Decides whether a session secret is worth its name.
 *
 * Whoever guesses the secret can forge every cookie and read every session. People copy secrets from documentation,
 * stretch short ones to the wanted length, or take a sentence. Three defences, each against what the others let pass:
 * the amount of new material in it (against padding and repetition), words (against placeholders and sentences), and a
 * list of published secrets that look random (nothing but the list can tell those apart from good ones).
 */
import { createHash } from 'node:crypto'
import { publishedSecretDigests } from './published-secrets.ts'

const minimumBytes = 32
// The analysis takes time that grows with the square of the length.
const maximumBytes = 1024

// A UUID (122 random bits, and libraries that draw them badly) and 16 bytes in hexadecimal stay below, 24 and more
// random bytes in any encoding stay above.
const minimumBits = 128

// Five characters or more: shorter ones turn up by chance in a random secret.
const words =
  /secret|passw|contras|geheim|changeme|change.?th|replace|example|placeholder|default|sample|dummy|token|random|generate|sallyport|keyboard|qwert|asdfg|zxcvb|develop|product|insecure|secure|private|session|super|letmein|welcome|admin|should.?be|your.?(?:key|own|jwt|app)|jwt.?key|hmac.?(?:key|sha)|todo_|_todo|fixme|lorem|ipsum/

/** Reads `p4ssw0rd` and `s3cr3t` as what they mean. */
const unLeet = (text: string): string =>
  text.toLowerCase().replaceAll(/[013457@$]/g, sign => 'oieastas'['013457@$'.indexOf(sign)] ?? sign)

/** Characters that are not one of a run (aaa, abc, 321) and do not begin a group of four that stood there before. */
function newMaterial(text: string): number {
  let fresh = 0
  for (let index = 0; index < text.length; index++) {
    const step = text.charCodeAt(index) - text.charCodeAt(index - 1)
    const isRun = Math.abs(step) <= 1 && step === text.charCodeAt(index - 1) - text.charCodeAt(index - 2)
    const isRepeat = index >= 4 && text.slice(0, index).includes(text.slice(index - 3, index + 1))
    if (!isRun && !isRepeat) fresh++
  }
  return fresh
}

/** Shannon entropy of the characters, in bits per character. */
function bitsPerCharacter(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

/** What the text stands for if it is base64 or hexadecimal: encoding a weak secret does not make it strong. */
function decodings(text: string): string[] {
  const found: string[] = []
  if (/^(?:[0-9a-f]{2})+$/i.test(text)) found.push(Buffer.from(text, 'hex').toString('latin1'))
  if (/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) found.push(Buffer.from(text, 'base64').toString('latin1'))
  return found
}

/** Spellings under which a published secret is still the published secret: quoted, bracketed, padded to a length. */
function spellings(text: string): string[] {
  const bare = text.trim().replace(/^["'`[(<{]+|["'`\])>}]+$/g, '')
  return [text, ...withoutPadding(bare)].flatMap(form => [form, form.toLowerCase()])
}

/** Without the run of equal characters at either end; up to three of a run may belong to the text itself. */
function withoutPadding(text: string): string[] {
  const cuts = (run: string) =>
    [0, 1, 2, 3, run.length].filter(kept => kept <= run.length).map(kept => run.length - kept)
  const head = /^(.)\1*/.exec(text)?.[0] ?? ''
  const tail = /(.)\1*$/.exec(text)?.[0] ?? ''
  return cuts(head).flatMap(before => cuts(tail).map(after => text.slice(before, text.length - after)))
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 12)

const isPublished = (text: string): boolean => spellings(text).some(form => publishedSecretDigests.has(digest(form)))

function isSentence(text: string): boolean {
  if (/\s\S+\s/.test(text)) return true
  const isOneCase = text === text.toLowerCase() || text === text.toUpperCase()
  return isOneCase && !/\d/.test(text)
}

const uuid = /[0-9a-z]{8}-(?:[0-9a-z]{4}-){3}[0-9a-z]{12}/gi

const isIdentifier = (text: string): boolean => {
  const rest = text.replaceAll(uuid, '')
  return rest !== text && rest.length < minimumBytes
}

/** Why the text is no good as a secret, as it reads after "the secret"; `undefined` when nothing speaks against it. */
export function weaknessOf(secret: string): string | undefined {
  const bytes = Buffer.byteLength(secret)
  if (bytes < minimumBytes) return `has ${bytes} bytes, fewer than ${minimumBytes}`
  if (bytes > maximumBytes) return `has ${bytes} bytes, more than ${maximumBytes}; is this the right file?`
  if (/^(.+?)\1+$/s.test(secret)) return 'is one text repeated'
  if (isPublished(secret)) return 'is publicly known'
  if (isIdentifier(secret)) return 'is an identifier (UUID), not a secret'
  if (words.test(unLeet(secret)) || words.test(secret.toLowerCase())) return 'is made of words or is a placeholder'
  if (isSentence(secret)) return 'reads like words: no digit and one case only, or spaces'
  if (newMaterial(secret) * bitsPerCharacter(secret) < minimumBits) return 'repeats itself or holds too little'
  for (const decoded of decodings(secret)) {
    if (newMaterial(decoded) < decoded.length / 2) return 'repeats itself once decoded'
    if (/^[\x20-\x7e]+$/.test(decoded)) return 'is readable text once decoded'
  }
  return undefined
}
