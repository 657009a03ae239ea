/** What this folder needs of a logger: constant messages, the rest in fields. */
export interface Logger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
