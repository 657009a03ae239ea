/** The operational log for a person at a terminal: the same lines, read out. Programs get JSON, which this starts from. */

const controls = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** Threat: a text of somebody else's moves the cursor, or turns around what stands beside it. */
export const printable = (text: string): string =>
  text.replace(controls, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)

const colors: Readonly<Record<string, string>> = { fatal: '31', error: '31', warn: '33', info: '32', debug: '2' }

export interface ReadableOptions {
  /** Default: as `NO_COLOR` and `TERM` ask for. */
  readonly isColored?: boolean
}

const isColorWanted = (): boolean => (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb'

/**
 * `08:30:01Z info  listening main=9180`, and the stack of an error below it. What is no line of the log, such as one of the
 * audit log, stays as it is.
 * @param line JSON, redacted, with or without its line feed
 */
export function readableLine(line: string, { isColored = isColorWanted() }: ReadableOptions = {}): string {
  const fields = fieldsOf(line)
  if (fields === undefined) return line
  const { level, time, msg, err, ...rest } = fields
  const colored = isColored ? `\u001b[${colors[level] ?? '0'}m${level.padEnd(5)}\u001b[0m` : level.padEnd(5)
  const words = Object.entries(rest).map(([name, value]) => `${printable(name)}=${shown(value)}`)
  const said = isError(err) ? [...words, `error=${shown(err.message)}`] : words
  return `${[time.replace(/^.*T|\.\d+(?=Z)/g, ''), colored, printable(msg), ...said].join(' ')}\n${stackOf(err)}`
}

interface LogLine extends Readonly<Record<string, unknown>> {
  readonly level: string
  readonly time: string
  readonly msg: string
}

function fieldsOf(line: string): LogLine | undefined {
  if (!line.startsWith('{"level":"')) return undefined
  try {
    const fields = JSON.parse(line)
    return [fields.level, fields.time, fields.msg].every(value => typeof value === 'string') ? fields : undefined
  } catch {
    return undefined
  }
}

/** A word as it is, everything else as JSON. */
const shown = (value: unknown): string =>
  printable(typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value))

interface ShownError {
  readonly message?: unknown
  readonly stack?: unknown
  readonly cause?: unknown
}

const isError = (value: unknown): value is ShownError => typeof value === 'object' && value !== null

/** Of the error and of all that caused it, each line of its own. */
function stackOf(error: unknown): string {
  if (!isError(error)) return ''
  const lines = typeof error.stack === 'string' ? error.stack.split('\n') : []
  const own = lines.map(text => `    ${printable(text.trim())}\n`).join('')
  return isError(error.cause) ? `${own}  caused by\n${stackOf(error.cause)}` : own
}
