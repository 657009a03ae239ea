/** What is wrong with a configuration, for programs and for people. No message holds a secret. */

/** Where a problem or a value comes from. */
export interface Place {
  /** Name of the file as it was given, or `environment SALLYPORT_…`. */
  readonly source: string
  /** From 1. Absent when the place is not in the text, such as a missing setting of the environment. */
  readonly line?: number
  readonly column?: number
}

export interface ConfigProblem extends Place {
  /** `providers[0].issuer`; empty for the whole file. */
  readonly path: string
  /** What is wrong and what was expected. */
  readonly message: string
}

/** The configuration cannot be used. Holds every problem that was found. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[]
  constructor(problems: readonly ConfigProblem[]) {
    super(formatProblems(problems))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** `sallyport.yaml:3:11` */
export function formatPlace(place: Place): string {
  return [place.source, place.line, place.column].filter(part => part !== undefined).join(':')
}

/** One line each: place, path, message. */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  return problems
    .map(problem => [formatPlace(problem), problem.path, problem.message].filter(part => part !== '').join('  '))
    .join('\n')
}
