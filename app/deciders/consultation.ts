/**
 * What deciders outside say of one request: looked up while the policy decides, asked for afterwards, and looked up again.
 *
 * The decision itself waits for nobody. What it looked for and is not known is unknown to it, which opens no door; then it is
 * asked for, and the request decided once more.
 */
import type { AskedAbout } from '../../rbac/context.ts'
import type { Identity } from '../../rbac/identity.ts'
import type { Consultation } from '../answered.ts'
import type { Decider, Question } from './decider.ts'
import type { Asked } from './messages.ts'

/** @returns begins that of one request */
export function createConsultations(deciders: readonly Decider[]): (clientAddress: string | undefined) => Consultation {
  const byName = new Map(deciders.map(decider => [decider.name, decider]))
  return clientAddress => {
    // For this request an answer stays what it was, and so does that there is none.
    const answers = new Map<string, boolean | undefined>()
    let isClosed = false
    // A hundred rows that ask are one question, which is put into words once: about one request, and that of no other one that
    // somebody explains.
    const questions = new WeakMap<Asked['request'], WeakMap<Identity, Map<Decider, Question>>>()
    const open = new Map<string, { readonly decider: Decider; readonly question: Question }>()

    function questionOf(decider: Decider, identity: Identity, request: Asked['request']): Question {
      const ofRequest = questions.get(request) ?? new WeakMap<Identity, Map<Decider, Question>>()
      questions.set(request, ofRequest)
      const ofIdentity = ofRequest.get(identity) ?? new Map<Decider, Question>()
      ofRequest.set(identity, ofIdentity)
      const question = ofIdentity.get(decider) ?? decider.questionOf({ identity, request, clientAddress })
      ofIdentity.set(decider, question)
      return question
    }

    function answerOf(name: string, { identity, request }: AskedAbout): boolean | undefined {
      const decider = byName.get(name)
      if (decider === undefined || request === undefined) return undefined
      const question = questionOf(decider, identity, request)
      const place = `${name} ${question.key}`
      if (answers.has(place) || isClosed) return answers.get(place)
      const known = decider.known(question)
      if (known === undefined) open.set(place, { decider, question })
      else answers.set(place, known)
      return known
    }

    async function settle(): Promise<void> {
      const asked = [...open]
      open.clear()
      await Promise.all(
        asked.map(async ([place, { decider, question }]) => {
          answers.set(place, await decider.ask(question))
        }),
      )
    }

    const close = (): void => {
      isClosed = true
      open.clear()
    }

    return { answerOf, isOpen: () => open.size > 0, settle, close }
  }
}
