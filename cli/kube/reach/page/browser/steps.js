/** A way in words: each step with its sentence, the binding that gives it, the move, and the edit to copy. */
import { data, edgeAt, findingAt, nodeText } from './data.js'
import { button, el } from './dom.js'
import { toldSteps } from './ways.js'

/** @param {readonly number[]} path @returns {HTMLElement} */
export function stepsList(path) {
  return el('ol', { class: 'steps' }, toldSteps(path).map(stepItem))
}

/** @param {number} place */
function stepItem(place) {
  const [from, to, move, , finding] = edgeAt(place)
  const head = el('p', {}, [el('strong', {}, [move]), ` → ${nodeText(to)}`])
  if (finding >= 0) return el('li', {}, [head, ...findingParts(finding)])
  const known = data.moves[move]
  const sentence = known === undefined ? `${nodeText(from)} ${move}.` : `${nodeText(from)} can ${known.can}.`
  return el('li', {}, [head, el('p', {}, [sentence]), moveNote(move)])
}

/**
 * Sentence, bindings, move and edits of a finding.
 * @param {number} at
 */
export function findingParts(at) {
  const { sentence, grants, move, edits, targets, perhaps, folded, accepted } = findingAt(at)
  return [
    el('p', {}, [sentence]),
    ...(folded === null
      ? []
      : [el('p', { class: 'dim' }, [foldedText[folded] + (accepted === null ? '' : `: ${accepted}`)])]),
    ...namesList(
      'by',
      grants.map(grant => data.grants[grant] ?? ''),
    ),
    ...namesList('reaches', targets.map(nodeText)),
    ...namesList('perhaps', perhaps.map(nodeText)),
    moveNote(move),
    ...edits.map(editPart),
  ]
}

const foldedText = {
  suppressed: 'Folded: somebody accepts it',
  expected: 'Folded: Kubernetes itself ships and expects it.',
  within: 'Folded: another finding of the same identity says this and more.',
}

const mostNames = 12

/** @param {string} label @param {readonly string[]} names */
function namesList(label, names) {
  if (names.length === 0) return []
  const shown = names.slice(0, mostNames).join('; ')
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : ''
  return [el('p', { class: 'dim' }, [`${label}: ${shown}${more}`])]
}

/** @param {string} id */
function moveNote(id) {
  const move = data.moves[id]
  if (move === undefined) return undefined
  return el('details', {}, [
    el('summary', {}, [`${id}: ${move.title}`]),
    el('p', {}, [move.why]),
    el('p', {}, [`How to close it: ${move.close}`]),
    el('p', { class: 'dim' }, [move.page]),
  ])
}

/** @param {number} at */
function editPart(at) {
  const edit = data.edits[at]
  if (edit === undefined) return undefined
  const { object, sentence, patch, isCut } = edit
  const head = el('p', {}, [el('strong', {}, ['Edit ']), `${object}: ${sentence}`])
  if (patch === null) {
    const note = isCut
      ? 'Its YAML is not in this page, which would be too big: kube review --json --subject has it.'
      : ''
    return el('div', { class: 'edit' }, [head, el('p', { class: 'dim' }, [note])])
  }
  const text = el('pre', { tabindex: '0' }, [patch])
  const copy = button('Copy YAML', () => void copied(text, copy))
  return el('div', { class: 'edit' }, [head, copy, text])
}

/** @param {HTMLPreElement} text @param {HTMLButtonElement} copy */
async function copied(text, copy) {
  try {
    await navigator.clipboard.writeText(text.textContent ?? '')
    copy.textContent = 'Copied'
  } catch {
    // Browsers that give no clipboard to a file: the text is marked, and one key copies it.
    getSelection()?.selectAllChildren(text)
    copy.textContent = 'Marked: press Ctrl+C'
  }
}
