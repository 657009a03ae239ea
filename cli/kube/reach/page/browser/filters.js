/** What of the findings is looked at. */
import { counted, data, findingAt, nodeText, severityNames } from './data.js'
import { byId, el } from './dom.js'

/** @type {Set<string>} */
const namespaces = new Set()
for (const { namespace, subject } of data.findings.slice(0, data.asked))
  for (const one of placesOf(namespace, subject)) namespaces.add(one)

/** @param {string | null} namespace @param {number} subject */
function placesOf(namespace, subject) {
  const [, own] = /^service-account:([^/]+)\//.exec(data.nodes[subject]?.id ?? '') ?? []
  return [...(namespace === null ? [] : [namespace]), ...(own === undefined ? [] : [own])]
}

/**
 * @param {string} label
 * @param {readonly (readonly [value: string, text: string])[]} options
 */
function choice(label, options) {
  const select = el('select', { id: label }, [
    el('option', { value: '' }, ['any']),
    ...options.map(([value, text]) => el('option', { value }, [text])),
  ])
  return { select, part: labelled(label, select) }
}

/** @param {string} label */
function field(label) {
  const input = el('input', { id: label, type: 'search', autocomplete: 'off', spellcheck: 'false' })
  return { input, part: labelled(label, input) }
}

/** @param {string} label @param {HTMLElement} control */
const labelled = (label, control) => el('div', { class: 'field' }, [el('label', { for: control.id }, [label]), control])

const severity = choice(
  'Severity',
  severityNames.map(one => [one, one === 'critical' ? one : `${one} or worse`]),
)
const namespace = choice(
  'Namespace',
  [...namespaces].sort().map(one => [one, one]),
)
const moveIds = [...new Set(data.findings.slice(0, data.asked).map(({ move }) => move))].sort()
const move = choice(
  'Move',
  moveIds.map(id => [id, `${id} ${data.moves[id]?.title ?? ''}`]),
)
const subject = field('Identity')
const text = field('Text')
const folded = el('input', { type: 'checkbox', id: 'folded' })
folded.checked = data.isAll
const fresh = el('input', { type: 'checkbox', id: 'new' })
const { expected, within, suppressed } = data.summary

/** @param {() => void} onChange */
export function addFilters(onChange) {
  byId('filters').append(
    severity.part,
    namespace.part,
    move.part,
    subject.part,
    text.part,
    el('label', { class: 'switch' }, [
      folded,
      `Show what is folded: ${counted(expected, 'finding')} that Kubernetes itself ships and expects, ${within.toLocaleString('en')} within others, ${suppressed.toLocaleString('en')} accepted`,
    ]),
    ...(data.since === null
      ? []
      : [
          el('label', { class: 'switch' }, [
            fresh,
            `Only the ${data.since.new.toLocaleString('en')} that are new since the baseline`,
          ]),
        ]),
  )
  byId('filters').addEventListener('input', onChange)
}

export const showsFolded = () => folded.checked

/** Whether anything but the switch is set. */
export const isLimited = () =>
  fresh.checked ||
  [severity.select, namespace.select, move.select, subject.input, text.input].some(({ value }) => value !== '')

/** @param {import('./data.js').PageFinding} one */
const isSwitchedOff = one => (one.folded !== null && !folded.checked) || (fresh.checked && one.isNew !== true)

/** Places of findings that are looked at. @returns {number[]} */
export function lookedAt() {
  const least = severity.select.value === '' ? 3 : severityNames.findIndex(one => String(one) === severity.select.value)
  const [who, what] = [subject.input.value.toLowerCase(), text.input.value.toLowerCase()]
  const found = []
  for (let at = 0; at < data.asked; at++) {
    const one = findingAt(at)
    if (isSwitchedOff(one)) continue
    if (severityNames.indexOf(one.severity) > least) continue
    if (move.select.value !== '' && one.move !== move.select.value) continue
    if (namespace.select.value !== '' && !placesOf(one.namespace, one.subject).includes(namespace.select.value))
      continue
    if (who !== '' && !nodeText(one.subject).toLowerCase().includes(who)) continue
    if (what !== '' && !one.sentence.toLowerCase().includes(what)) continue
    found.push(at)
  }
  return found
}
