/** The questions of applications, by their address on the auth host: the AuthZEN Authorization API 1.0 (docs/authzen.md). */
import type { Route } from './dependencies.ts'
import { evaluateMany, evaluateOne } from './evaluate.ts'
import { questionsPath } from './metadata.ts'
import { searchFor } from './search.ts'

export const routes: ReadonlyMap<string, Route> = new Map([
  [`${questionsPath}/evaluation`, evaluateOne],
  [`${questionsPath}/evaluations`, evaluateMany],
  ...(['subject', 'resource', 'action'] as const).map(
    wanted => [`${questionsPath}/search/${wanted}`, searchFor(wanted)] as const,
  ),
])
