/** Elements. Threat: names are chosen by others; nothing here makes markup of a text. */

/** @typedef {Node | string | undefined} Child */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Readonly<Record<string, string | boolean>>} attributes false: absent
 * @param {readonly Child[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, children = []) {
  const element = document.createElement(tag)
  return filled(element, attributes, children)
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Readonly<Record<string, string | boolean>>} attributes
 * @param {readonly Child[]} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, children = []) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
  return filled(element, attributes, children)
}

/**
 * @template {Element} Made
 * @param {Made} element
 * @param {Readonly<Record<string, string | boolean>>} attributes
 * @param {readonly Child[]} children
 */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (value !== false) element.setAttribute(name, value === true ? '' : value)
  element.append(...children.filter(child => child !== undefined))
  return element
}

/** @param {string} text @param {() => void} onClick @param {string} [kind] a class */
export function button(text, onClick, kind = '') {
  const element = el('button', { type: 'button', class: kind }, [text])
  element.addEventListener('click', onClick)
  return element
}

/** @param {string} id */
export const byId = id => /** @type {HTMLElement} */ (document.getElementById(id))

/** @param {string} text @param {number} most characters */
export const shortened = (text, most) => (text.length <= most ? text : `${text.slice(0, most - 1)}…`)
