/**
 * Text that somebody else wrote, for whoever reads it. Threat: a path or an address in an audit file that holds escape or
 * direction characters makes a terminal show something else than what is there.
 */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, character => {
    const code = character.codePointAt(0) ?? 0
    return `\\u${code.toString(16).padStart(4, '0')}`
  })
