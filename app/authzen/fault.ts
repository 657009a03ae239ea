/** A question that is not answered, and what whoever asked is told (AuthZEN Authorization API 1.0, "Error Responses"). */

/** `422`: the question can be read, and nobody can answer it. */
type FaultStatus = 400 | 401 | 403 | 422

export class QuestionFault extends Error {
  readonly status: FaultStatus
  /** @param message for whoever asks; nothing of what others said, and nothing that exists or does not */
  constructor(status: FaultStatus, message: string) {
    super(message)
    this.name = 'QuestionFault'
    this.status = status
  }
}

/** Throws: the question cannot be read. */
export function malformed(message: string): never {
  throw new QuestionFault(400, message)
}
