/** What the page was given: the review, and what follows from it once. */

/** @typedef {import('../../../../../rbac/reach/report/page/page-data.ts').PageData} PageData */
/** @typedef {import('../../../../../rbac/reach/report/page/page-data.ts').PageFinding} PageFinding */
/** @typedef {import('../../../../../rbac/reach/report/page/graph-data.ts').PageEdge} PageEdge */

/** @type {PageData} */
export const data = JSON.parse(document.getElementById('data')?.textContent ?? '')

export const severityNames = /** @type {const} */ (['critical', 'high', 'medium', 'low'])

/** @param {number} node */
export const nodeText = node => data.nodes[node]?.text ?? ''

/** @param {number} node */
export const isSubject = node => /^(user|group|service-account):/.test(data.nodes[node]?.id ?? '')

/** @param {number} at */
export const edgeAt = at => /** @type {PageEdge} */ (data.edges[at])

/** @param {number} at */
export const findingAt = at => /** @type {PageFinding} */ (data.findings[at])

/** Places of findings that were asked for, by subject. @type {Map<number, number[]>} */
export const findingsOf = new Map()
for (const [at, { subject }] of data.findings.slice(0, data.asked).entries()) {
  const list = findingsOf.get(subject)
  if (list === undefined) findingsOf.set(subject, [at])
  else list.push(at)
}

/** Moves of a subject that Kubernetes itself ships: `subject move`. */
export const expectedMoves = new Set(
  data.findings.filter(({ folded }) => folded === 'expected').map(({ subject, move }) => `${subject} ${move}`),
)

/** @param {number} count @param {string} one */
export const counted = (count, one) => `${count.toLocaleString('en')} ${count === 1 ? one : `${one}s`}`

/** What somebody has to do on a way: being one of a set, or in a group, costs nothing. @param {readonly number[]} path */
export const stepsIn = path => path.reduce((sum, place) => sum + edgeAt(place)[3], 0)
