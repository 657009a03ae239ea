/**
 * What is kept of a password: a memory-hard hash (scrypt, RFC 7914), with its version and cost in front, as in
 * `$scrypt$ln=14,r=8,p=1$<salt>$<hash>`, so that a later version can cost more and still read this one.
 *
 * Threat: a flood that takes the memory, or every thread that reads files and names. Each hash takes 16 MiB and some 40 ms of
 * a thread; two are made at once, a bounded number waits, and what comes then is refused.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { OperationalError } from '../../errors.ts'

export interface PasswordHash {
  /** Rejects with `ERR_PASSWORDS_BUSY` when too many wait. */
  hash(text: string): Promise<string>
  /** Whether `hash` made `stored` of this text; as costly for what it did not make. Rejects as `hash`. */
  fits(text: string, stored: string | undefined): Promise<boolean>
}

export interface PasswordHashOptions {
  /** Hashes that are made at once; default 2, of the four threads that Node has for files and names as well. */
  readonly atOnce?: number
  /** Hashes that wait for their turn at most; default 100, some two seconds. */
  readonly waiting?: number
}

interface Cost {
  /** Of 2. */
  readonly logN: number
  readonly r: number
  readonly p: number
}

const current: Cost = { logN: 14, r: 8, p: 1 }
const saltLength = 16
const hashLength = 32
const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w-]{22})\$([\w-]{43})$/
/** What a record may ask for: it is sealed, and still nothing that it says takes the memory. */
const mostMemory = 64 * 1024 * 1024

export function createPasswordHash({ atOnce = 2, waiting = 100 }: PasswordHashOptions = {}): PasswordHash {
  const inTurn = createTurns(atOnce, waiting)
  const none = formatHash(current, randomBytes(saltLength), randomBytes(hashLength))
  return {
    async hash(text) {
      const salt = randomBytes(saltLength)
      return formatHash(current, salt, await inTurn(() => derive(text, salt, current)))
    },
    async fits(text, stored) {
      const known = parseHash(stored)
      const { cost, salt, hash } = known ?? (parseHash(none) as ParsedHash)
      const derived = await inTurn(() => derive(text, salt, cost))
      return timingSafeEqual(derived, hash) && known !== undefined
    },
  }
}

interface ParsedHash {
  readonly cost: Cost
  readonly salt: Buffer
  readonly hash: Buffer
}

const formatHash = ({ logN, r, p }: Cost, salt: Buffer, hash: Buffer): string =>
  `$scrypt$ln=${logN},r=${r},p=${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`

function parseHash(stored: string | undefined): ParsedHash | undefined {
  const [, logN, r, p, salt, hash] = form.exec(stored ?? '') ?? []
  if (salt === undefined || hash === undefined) return undefined
  const cost = { logN: Number(logN), r: Number(r), p: Number(p) }
  if (cost.logN < 1 || cost.r < 1 || cost.p < 1 || memoryOf(cost) > mostMemory) return undefined
  return { cost, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') }
}

const memoryOf = ({ logN, r, p }: Cost): number => 128 * r * (2 ** logN + p)

/** On a thread of its own; the event loop goes on. */
function derive(text: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  const { logN, r, p } = cost
  return new Promise((resolve, reject) => {
    scrypt(text, salt, hashLength, { N: 2 ** logN, r, p, maxmem: 2 * memoryOf(cost) }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

/** So many at once, in the order in which they came. */
function createTurns(atOnce: number, mostWaiting: number) {
  const waiting: (() => void)[] = []
  let running = 0
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= atOnce) {
      if (waiting.length >= mostWaiting) throw new OperationalError('ERR_PASSWORDS_BUSY', 'too many hashes wait')
      // Whoever ends hands its turn on, so that nobody who comes in between gets it.
      await new Promise<void>(resolve => waiting.push(resolve))
    } else running += 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
