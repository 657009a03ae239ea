/** The JSON Schema (2020-12) of `sallyport kube review --what-if --json`, for whoever reads it by a program. */
import { sinks } from '../../../../rbac/reach/change/reach-effect.ts'
import {
  askedSchema,
  count,
  findingSchema,
  problemSchema,
  record,
  suppressionSchema,
  text,
  texts,
} from '../report-schema.ts'

const list = (items: object, description: string) => ({ type: 'array', items, description })
const findings = (description: string) => list(findingSchema, description)
const objects = (description: string) =>
  list(record({ kind: text, namespace: text, name: text }, ['namespace']), description)

export const whatIfSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'sallyport kube review --what-if --json',
  ...record(
    {
      schema: { const: 'sallyport.dev/kube-what-if/v1' },
      asked: askedSchema,
      isNew: objects('of the change: what is not there now'),
      writtenBack: objects(
        'what Kubernetes completes when an API server starts: what is taken out of it counts as if it stayed',
      ),
      notJudged: objects('what gives no right and runs nothing'),
      reach: record({
        openBefore: count,
        openAfter: count,
        closes: findings('open before; afterwards the subject has nothing of the move there'),
        opens: findings('as they are afterwards: nothing of before said as much. --fail-on counts these alone'),
        worse: { ...texts, description: 'ids of those of opens that were there, and less bad' },
        reopened: { ...texts, description: 'ids of those of opens that were accepted, and are not as they would be' },
        accepted: { ...texts, description: 'ids of what is accepted as it would be, and was not before' },
        changes: list(
          record({ before: findingSchema, after: findingSchema }),
          'open before; afterwards the subject has the move of other targets',
        ),
        remains: findings('open afterwards: one that goes, or folded it, said them as well'),
        folds: { ...texts, description: 'ids of what was open, and another finding says afterwards' },
        sinks: list(
          record({ sink: { enum: [...sinks] }, lost: texts, gained: texts }),
          'who gets there no longer, and who newly does',
        ),
      }),
      suppressions: list(suppressionSchema, 'as they hold afterwards'),
      problems: { type: 'array', items: problemSchema },
    },
    ['asked', 'suppressions'],
  ),
}

export const whatIfSchemaText = (): string => `${JSON.stringify(whatIfSchema, null, 2)}\n`
