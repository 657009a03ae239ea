/** Which Kubernetes a live cluster says that it is. */

/**
 * Of what `/version` answers; clouds add a sign to the minor version (`34+`). Only numbers are taken, since it is shown.
 * @returns `1.37`; undefined for what is none
 */
export function serverVersionOf(answer: unknown): string | undefined {
  const { major, minor } = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>
  const [, first] = /^(\d{1,3})$/.exec(String(major)) ?? []
  const [, second] = /^(\d{1,4})\+?$/.exec(String(minor)) ?? []
  return first === undefined || second === undefined ? undefined : `${first}.${second}`
}
