/**
 * `POST /access/v1/evaluation` and `/access/v1/evaluations`: whether somebody may do something.
 *
 * Each is decided by the decision of all fronts. A challenge is a no: whoever asks sends nobody to log in.
 */
import type { Decision } from '../../rbac/decision.ts'
import { circumstancesOf } from './circumstances.ts'
import type { Asking, QuestionDependencies, Route } from './dependencies.ts'
import { malformed, QuestionFault } from './fault.ts'
import { actionOf, contextOf, entityOf, type Fields, fieldsOf, isFields, own, type RawQuestion } from './message.ts'
import { placeOf, requestAt } from './place.ts'
import { identityOf } from './subject.ts'

/** The answer to one question (section "Access Evaluation Decision"). */
export interface Answer {
  readonly decision: boolean
  readonly context?: Fields
}

const mostEvaluations = 100

export const evaluateOne: Route = evaluate

export const evaluateMany: Route = async (message, asking, dependencies) => {
  const evaluations = own(message, 'evaluations')
  // Without any it is one question, as at the other address.
  const isOne = evaluations === undefined || (Array.isArray(evaluations) && evaluations.length === 0)
  if (isOne) return evaluate(message, asking, dependencies)
  if (!Array.isArray(evaluations)) malformed('evaluations has to be a list')
  if (evaluations.length > mostEvaluations) malformed(`at most ${mostEvaluations} evaluations are taken at once`)
  const semantic = semanticOf(message)
  const asked = { asking, dependencies: rememberingSessions(dependencies), message }
  return { evaluations: await evaluateAll(evaluations, semantic, asked) }
}

/** Rejects with `QuestionFault` and operational errors; never says yes to what failed. */
async function evaluate(question: RawQuestion, asking: Asking, dependencies: QuestionDependencies): Promise<Answer> {
  const [subject, resource] = [entityOf(question.subject, 'subject'), entityOf(question.resource, 'resource')]
  const [action, context] = [actionOf(question.action), contextOf(question.context)]
  const place = placeOf(resource, dependencies)
  const { asker, from, askedId } = asking
  requirePermission('evaluate', place.domain, asking, dependencies)
  const request = requestAt(place, resource, action, dependencies)
  const isBelieved = dependencies.mayAsk(asker, 'assert', place.domain, from)
  const { clientAddress, said, ofSubject } = circumstancesOf({ subject, resource, action, context }, isBelieved)
  const identity = await identityOf(subject, ofSubject, dependencies)
  const requestId = dependencies.newRequestId()
  const asked = { askedBy: asker.name, askedAbout: `${subject.type}:${subject.id}`, askedId }
  const decision = await dependencies.judge({ requestId, asked, request, identity, clientAddress, said })
  return answerOf(decision, { requestId, isExplained: dependencies.mayAsk(asker, 'explain', place.domain, from) })
}

/** Throws `QuestionFault`. It is the same for a domain that there is and for one that there is not. */
export function requirePermission(
  action: 'evaluate' | 'search',
  domain: string,
  { asker, from }: Asking,
  { mayAsk }: QuestionDependencies,
): void {
  if (!mayAsk(asker, action, domain, from)) throw new QuestionFault(403, 'the policy does not let you ask about this')
}

/**
 * Threat: rows are the operator's, and a reason says what they are. Whoever may not `explain` is told yes or no. `id` is what
 * `sallyport policy explain --request` takes.
 */
function answerOf(decision: Decision, { requestId, isExplained }: { requestId: string; isExplained: boolean }): Answer {
  const isAllowed = decision.effect === 'allow'
  if (!isExplained) return { decision: isAllowed }
  const { revision, rule } = decision
  const reason = decision.effect === 'allow' ? 'allowed' : decision.reason
  const by = rule === undefined ? '' : ` by ${rule}`
  return {
    decision: isAllowed,
    context: { id: requestId, reason_admin: { en: `${reason}${by}, policy ${revision}` } },
  }
}

const semantics = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const
type Semantic = (typeof semantics)[number]

function semanticOf(message: Fields): Semantic {
  const options = own(message, 'options')
  const asked = options === undefined ? undefined : own(fieldsOf(options, 'options'), 'evaluations_semantic')
  if (asked === undefined) return 'execute_all'
  const known = semantics.find(semantic => semantic === asked)
  return known ?? malformed(`options.evaluations_semantic: expected ${semantics.join(', ')}`)
}

/**
 * A part of a question replaces the usual one whole, but for what says which one it is: without its `type`, say, it has the usual
 * one. The properties of one resource are never those of another.
 */
function withDefaults(one: unknown, message: Fields): RawQuestion {
  const { subject, resource, action, context = message.context } = fieldsOf(one, 'a question in evaluations')
  return {
    subject: withKeys(subject, message.subject, ['type', 'id']),
    resource: withKeys(resource, message.resource, ['type', 'id']),
    action: withKeys(action, message.action, ['name']),
    context,
  }
}

function withKeys(given: unknown, usual: unknown, keys: readonly string[]): unknown {
  if (given === undefined) return usual
  if (!isFields(given) || !isFields(usual)) return given
  const inherited = keys.filter(key => Object.hasOwn(usual, key)).map(key => [key, usual[key]])
  return { ...Object.fromEntries(inherited), ...given }
}

interface AskedTogether {
  readonly asking: Asking
  readonly dependencies: QuestionDependencies
  readonly message: Fields
}

/** In order; what cannot be read, or may not be asked, is a no of its own (section "Errors"). */
async function evaluateAll(
  questions: readonly unknown[],
  semantic: Semantic,
  together: AskedTogether,
): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  for (const question of questions) {
    const answer = await evaluateAmong(question, together)
    if (semantic === 'deny_on_first_deny' && !answer.decision) {
      return [...answers, { ...answer, context: { ...answer.context, reason: semantic } }]
    }
    answers.push(answer)
    if (semantic === 'permit_on_first_permit' && answer.decision) return answers
  }
  return answers
}

async function evaluateAmong(one: unknown, { asking, dependencies, message }: AskedTogether): Promise<Answer> {
  try {
    return await evaluate(withDefaults(one, message), asking, dependencies)
  } catch (error) {
    if (!(error instanceof QuestionFault)) throw error
    return { decision: false, context: { error: { status: error.status, message: error.message } } }
  }
}

/** Questions that come together are about one state, and mostly about one person. */
function rememberingSessions(dependencies: QuestionDependencies): QuestionDependencies {
  const { newestSession } = dependencies
  if (newestSession === undefined) return dependencies
  const known = new Map<string, ReturnType<typeof newestSession>>()
  return {
    ...dependencies,
    newestSession(subject) {
      const found = known.get(subject) ?? newestSession(subject)
      known.set(subject, found)
      return found
    },
  }
}
