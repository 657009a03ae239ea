/**
 * The operational log: pino, JSON lines, to stderr; read out where that is a terminal. Constant messages; what varies is in
 * fields.
 *
 * Redaction is a safety net, not a licence: a secret is never to be a field. Should one become one, its name or its
 * form gives it away: fields with the name of a credential are replaced at any depth, and what looks like a JWT, a
 * bearer token, one of our cookies or the parameters of a callback is replaced wherever it stands in the line.
 */
import { isatty } from 'node:tty'
import { type DestinationStream, type Logger as Pino, pino } from 'pino'
import { OperationalError } from '../errors.ts'
import { readableLine } from './readable-lines.ts'

/** Narrow on purpose: a constant message, and fields that pass the redaction. */
export interface Logger {
  fatal(fields: object, message: string): void
  error(fields: object, message: string): void
  warn(fields: object, message: string): void
  info(fields: object, message: string): void
  debug(fields: object, message: string): void
  /** A logger whose every line names the component. */
  child(component: string): Logger
}

/** The levels that this service uses, and for what. */
export const logLevels = {
  fatal: 'The process ends.',
  error: 'Something is broken that a person has to look at.',
  warn: 'Something is wrong that the service deals with by itself: a retry, the last good policy.',
  info: 'The life of the process: started, listening, policy loaded, stopping.',
  debug:
    'The story of each request: arrived, read, who asks, what was decided and why, how it was answered; events and calls to providers of each login.',
} as const

export interface LoggerOptions {
  /** Least severity that is written. */
  readonly level: keyof typeof logLevels
  /** Default: stderr, written at once, so that the last line before a crash is there. */
  readonly destination?: DestinationStream
  /** Number of the worker, on each line. Default: there is only one process. */
  readonly worker?: number
}

export function createLogger(options: LoggerOptions): Logger {
  const destination = options.destination ?? standardError()
  return narrow(
    pino(
      {
        level: options.level,
        base: options.worker === undefined ? null : { worker: options.worker },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: {
          level: label => ({ level: label }),
          log: fields => redactFields(fields, 0) as Record<string, unknown>,
        },
        // Our own, because pino's would copy every property of an error: a fetch error carries whole requests.
        serializers: { err: value => value, error: value => value },
        hooks: { streamWrite: scrub },
      },
      destination,
    ),
  )
}

function standardError(): DestinationStream {
  const stream = pino.destination({ dest: 2, sync: true })
  return isatty(2) ? { write: line => void stream.write(readableLine(line)) } : stream
}

function narrow(logger: Pino): Logger {
  return {
    fatal: (fields, message) => logger.fatal(fields, message),
    error: (fields, message) => logger.error(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    info: (fields, message) => logger.info(fields, message),
    debug: (fields, message) => logger.debug(fields, message),
    child: component => narrow(logger.child({ component })),
  }
}

const replaced = '[redacted]'
const deepest = 6
const credentialName =
  /cookie|authorization|password|passwd|secret|token|ticket|nonce|verifier|assertion|session_?id$|^(sid|state|code|jwk|d)$/i
/** Error codes are called `code` too; these are what a person looks for. */
const errorCode = /^(ERR_|E[A-Z]{3,}|UND_ERR_)[A-Z_]*$/

function redactFields(value: unknown, depth: number): unknown {
  if (value === null || typeof value !== 'object') return value
  if (depth >= deepest) return '[too deep]'
  if (value instanceof Error) return describeError(value, depth)
  if (Array.isArray(value)) return value.map(item => redactFields(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      isCredential(name, item) ? replaced : redactFields(item, depth + 1),
    ]),
  )
}

function isCredential(name: string, value: unknown): boolean {
  if (!credentialName.test(name) || typeof value === 'boolean' || value === undefined) return false
  return !(name === 'code' && typeof value === 'string' && errorCode.test(value))
}

/** In characters. A message may hold what somebody else has written. */
const longestMessage = 1_000
const longestStack = 8_000

const bounded = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest)}…`

const printed = (text: string, longest: number): string =>
  bounded(text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, ' '), longest)

/**
 * Type, message, code, stack and cause; nothing else that a library has hung on it. What was foreseen (a store that is away)
 * says all in its message, and comes often: without a stack, and without a cause that is quoted in it.
 */
function describeError(error: Error, depth: number): Record<string, unknown> {
  const isForeseen = error instanceof OperationalError
  const { code } = error as { readonly code?: unknown }
  return {
    type: error.name,
    message: printed(error.message, longestMessage),
    ...(typeof code === 'string' && errorCode.test(code) ? { code } : {}),
    ...(isForeseen ? {} : { stack: bounded(error.stack ?? '', longestStack) }),
    ...(error.cause === undefined || (isForeseen && isQuoted(error))
      ? {}
      : { cause: describeCause(error.cause, depth + 1) }),
  }
}

const isQuoted = ({ message, cause }: Error): boolean => cause instanceof Error && message.endsWith(cause.message)

/**
 * Threat: libraries hang the whole answer of the other side on an error as its cause, with an `error_description` that says a
 * code or a token again. Of all that is no error the codes are kept.
 */
function describeCause(cause: unknown, depth: number): unknown {
  if (cause instanceof Error) return redactFields(cause, depth)
  if (typeof cause === 'string') return printed(cause, longestMessage)
  if (typeof cause !== 'object' || cause === null) return undefined
  const { error, code, status } = cause as Readonly<Record<string, unknown>>
  return {
    ...(typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) && { error }),
    ...(typeof code === 'string' && errorCode.test(code) && { code }),
    ...(typeof status === 'number' && { status }),
  }
}

const credentialForms: readonly (readonly [RegExp, string])[] = [
  // RFC 7515 section 3: three base64url parts, the first of which starts with `{"`.
  [/eyJ[\w-]+\.[\w-]+\.[\w-]*/g, replaced],
  [/\b(Bearer|Basic) +[\w\-.~+/]+=*/gi, `$1 ${replaced}`],
  [/\b([sn]\.)[\w-]{40,}(\.[\w-]+)?/g, `$1${replaced}`],
  [/([?&](?:code|state|ticket|id_token_hint|access_token|handoff)=)[^&"\\\s]+/g, `$1${replaced}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^-"]*/g, replaced],
]

function scrub(line: string): string {
  return credentialForms.reduce((text, [form, replacement]) => text.replace(form, replacement), line)
}
