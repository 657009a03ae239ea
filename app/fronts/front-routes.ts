/** The paths under which fronts are asked, each with what answers there; all of it follows from the table of fronts. */
import {
  createDeniedExecutor,
  createExecutor,
  createFormExecutor,
  createReservedExecutor,
  type Executor,
  type ExecutorDependencies,
} from './executor.ts'
import type { FrontKind, FrontSettings } from './front.ts'
import { reservedPath } from './handoff.ts'

export interface FrontRoutes<Answers> {
  /** Paths that are answered, each exactly. */
  readonly exact: ReadonlyMap<string, Answers>
  /** Paths that begin so; none begins like another one. */
  readonly below: readonly { readonly prefix: string; readonly endpoint: Answers }[]
}

/** Written as they are into paths, labels and lines of JSON. */
const plainName = /^[a-z]+(?:-[a-z]+)*$/

/** Throws `Error` for a table in which a name stands twice or is not plain, or with two fronts that are routed here. */
export function createFrontRoutes<Answers>(
  kinds: readonly FrontKind[],
  settings: FrontSettings,
  dependencies: ExecutorDependencies,
  answering: (execute: Executor, front: string) => Answers,
): FrontRoutes<Answers> {
  refuseOddNames(kinds.map(({ name }) => name))
  const exact = new Map<string, Answers>()
  const below: { readonly prefix: string; readonly endpoint: Answers }[] = []
  for (const kind of kinds) {
    const front = kind.create(settings)
    const endpoint = answering(createExecutor(front, dependencies), kind.name)
    exact.set(`/verify/${kind.name}`, endpoint)
    if (kind.takesPaths === true) below.push({ prefix: `/verify/${kind.name}/`, endpoint })
    if (!kind.isRoutedHere) continue
    // The path tells nothing of the dialect in which the original request is stated.
    const prefix = `${reservedPath}/`
    if (below.some(taken => taken.prefix === prefix))
      throw new Error(`${kind.name}: another front has the reserved paths already`)
    exact.set(`${reservedPath}/denied`, answering(createDeniedExecutor(front, dependencies), kind.name))
    exact.set(`${reservedPath}/form`, answering(createFormExecutor(front, settings.formPages, dependencies), kind.name))
    below.push({ prefix, endpoint: answering(createReservedExecutor(front, dependencies), kind.name) })
  }
  return { exact, below }
}

function refuseOddNames(names: readonly string[]): void {
  const odd = names.find((name, place) => !plainName.test(name) || names.indexOf(name) !== place)
  if (odd !== undefined) throw new Error(`expected names of fronts in small letters and dashes, each once: ${odd}`)
}
