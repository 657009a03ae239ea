/** Answers to the questions of `sallyport init`: those that options give, and those that somebody is asked for. */
import { InvalidArgumentError } from 'commander'
import { listenExpected, listenText, parseListen } from '../../config/schema/listen-place.ts'
import type { Terminal } from '../terminal.ts'
import type { Ask } from './ask.ts'
import { type Answers, optionOf, type Question, questions } from './questions.ts'

/** What was given cannot be used, or not enough was. The message is for whoever typed it. */
export class AnswerError extends Error {}

/** Rejects with an `AnswerError`. */
export async function answersFrom(
  given: Partial<Readonly<Record<string, string>>>,
  terminal: Terminal,
  ask: Ask | undefined,
): Promise<Answers> {
  let soFar = checked(given)
  if (ask === undefined) requireAll(soFar)
  for (const question of questions) {
    if (soFar[question.name] !== undefined || question.isAsked?.(soFar) === false) continue
    const answer = ask === undefined ? question.initial?.(soFar) : await askFor(question, soFar, terminal, ask)
    soFar = { ...soFar, [question.name]: answer }
  }
  return soFar as Answers
}

function checked(given: Partial<Readonly<Record<string, string>>>): Partial<Answers> {
  let soFar: Partial<Answers> = {}
  for (const question of questions) {
    const text = given[question.name]
    if (text === undefined) continue
    try {
      soFar = { ...soFar, [question.name]: question.read(text, soFar) }
    } catch (error) {
      throw new AnswerError(`${optionOf(question)} ${JSON.stringify(text)}: ${whyOf(error)}`)
    }
  }
  const { clientSecretFile, listen } = given
  return {
    ...soFar,
    ...(clientSecretFile === undefined ? {} : { clientSecretFile }),
    ...(listen === undefined ? {} : { listen: readListen(listen) }),
  }
}

function readListen(text: string): string {
  try {
    return listenText(parseListen(text))
  } catch (error) {
    const why = text.startsWith('unix:') ? whyOf(error) : `expected ${listenExpected}`
    throw new AnswerError(`--listen ${JSON.stringify(text)}: ${why}`)
  }
}

function requireAll(soFar: Partial<Answers>): void {
  const missing = questions.filter(({ name, initial }) => initial === undefined && soFar[name] === undefined)
  if (missing.length === 0) return
  const options = missing.map(question => `  ${optionOf(question)} ${question.example}\n`).join('')
  throw new AnswerError(`nobody can be asked here, so options have to say:\n${options.trimEnd()}`)
}

async function askFor(question: Question, soFar: Partial<Answers>, terminal: Terminal, ask: Ask): Promise<string> {
  const { example, initial, isSecret = false, text } = question
  const usual = initial?.(soFar)
  const hint = usual === undefined ? `for example ${example}` : usual
  for (;;) {
    const shown = hint === '' ? '' : ` ${terminal.colors.dim(`(${hint})`)}`
    const typed = (await ask(`${text}${shown}: `, { isSecret })).trim()
    if (typed === '' && usual !== undefined) return usual
    try {
      return question.read(typed, soFar)
    } catch (error) {
      terminal.writeError(`  ${terminal.colors.red(whyOf(error))}\n`)
    }
  }
}

/** Those that commander shows end in a full stop. */
export const whyOf = (error: unknown): string => {
  const { message } = error as Error
  return error instanceof InvalidArgumentError ? message.replace(/\.$/, '') : message
}
