/** Everything that is wrong with a policy, reported together, each with its place. */

export interface Problem {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  /** Counted from 1. */
  readonly column: number
  readonly message: string
}

/** Thrown by `compilePolicy` and by the parser of test files. `problems` is never empty. */
export class PolicyError extends Error {
  readonly problems: readonly Problem[]
  constructor(problems: readonly Problem[]) {
    super(problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`).join('\n'))
    this.name = 'PolicyError'
    this.problems = problems
  }
}

/** One value of a policy file that cannot be read; the caller adds the place. */
export class ValueError extends Error {
  /** The key of a mapping that is meant; absent when it is the whole value. */
  readonly key?: string
  constructor(message: string, key?: string) {
    super(message)
    this.name = 'ValueError'
    if (key !== undefined) this.key = key
  }
}
