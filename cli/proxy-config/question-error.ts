/** What was asked makes no configuration; says what, where and what to do. */
export class QuestionError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'QuestionError'
  }
}
