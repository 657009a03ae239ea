import { describe, expect, test } from 'vitest'
import { createLogger } from '../../app/telemetry/logger.ts'
import { readableLine } from '../../app/telemetry/readable-lines.ts'

const read = (write: (logger: ReturnType<typeof createLogger>) => void, isColored = false): string => {
  const lines: string[] = []
  write(createLogger({ level: 'info', destination: { write: (line: string) => void lines.push(line) } }))
  return lines.map(line => readableLine(line, { isColored })).join('')
}

describe('a line of the log, read out', () => {
  test('has the time, the level, the message and the fields as words', () => {
    const text = read(logger =>
      logger.child('login').warn({ main: 9180, reason: 'no answer', url: 'https://a.b' }, 'listening'),
    )
    expect(text).toMatch(
      /^\d\d:\d\d:\d\dZ warn {2}listening component=login main=9180 reason="no answer" url=https:\/\/a\.b\n$/,
    )
  })

  test('has the stack of an error and of its causes below it', () => {
    const err = new Error('no store', { cause: new Error('refused') })
    const lines = read(logger => logger.error({ err }, 'failed')).split('\n')
    expect(lines[0]).toMatch(/ error failed error="no store"$/)
    expect(lines[1]).toBe('    Error: no store')
    expect(lines[2]).toContain('readable-lines.test.ts')
    expect(lines).toContain('  caused by')
    expect(lines).toContain('    Error: refused')
  })

  test('names the level in its colour where that is wanted', () => {
    expect(read(logger => logger.error({}, 'failed'), true)).toContain('\u001b[31merror\u001b[0m failed')
  })

  test('moves no cursor and turns no text around, whoever wrote a name or a value', () => {
    const planted = '\u001b[2J\u009b1A\u202e\r\nx'
    const text = read(logger => logger.info({ [planted]: planted, list: [planted], err: new Error(planted) }, planted))
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
    expect(text).toContain('\\u{1b}[2J')
  })

  test('holds no more than the line: what was redacted stays so', () => {
    const text = read(logger => logger.info({ secret: 'planted', url: 'https://a.b/?code=planted' }, 'x'))
    expect(text).toContain('secret=[redacted]')
    expect(text).not.toContain('planted')
  })

  test.each([
    '{"event":"decision","level":"x"}\n',
    '{"level":"info","msg":1}\n',
    '{"level":"info"\n',
    'Warning: x\n',
    '',
  ])('is none of ours, and stays as it is: %j', line => expect(readableLine(line)).toBe(line))
})
