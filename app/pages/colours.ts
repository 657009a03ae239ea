/**
 * One colour of an operator's own, as it can be read: darker on the light page, lighter on the dark one, until it stands out
 * enough from what is behind it (WCAG 2.2, success criterion 1.4.3). The nearest such shade is taken.
 */

export interface Shades {
  readonly light: string
  readonly dark: string
}

type Colour = readonly [red: number, green: number, blue: number]

/** What layout.ts puts behind it, and in front of it on a button. */
export const cardColours = { light: '#ffffff', dark: '#19212d', onDark: '#0d1420' } as const

/** A little more than is asked for, as shades are rounded. */
const enough = 4.6
const steps = 100

/** @param hex `#rrggbb` */
export function shadesOf(hex: string): Shades {
  const { light, dark, onDark } = cardColours
  return {
    light: nearest(hex, '#000000', shade => contrast(shade, light) >= enough),
    dark: nearest(hex, '#ffffff', shade => contrast(shade, dark) >= enough && contrast(shade, onDark) >= enough),
  }
}

function nearest(hex: string, towards: string, isReadable: (shade: string) => boolean): string {
  for (let step = 0; step < steps; step += 1) {
    const shade = mix(colourOf(hex), colourOf(towards), step / steps)
    if (isReadable(shade)) return shade
  }
  return towards
}

/** WCAG 2.2, "contrast ratio". */
export function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(colourOf(one)), luminance(colourOf(other))].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = colour.map(part => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

const colourOf = (hex: string): Colour => [part(hex, 1), part(hex, 3), part(hex, 5)]

const part = (hex: string, at: number): number => Number.parseInt(hex.slice(at, at + 2), 16)

const mix = (one: Colour, other: Colour, share: number): string =>
  `#${one.map((value, at) => hexOf(value + ((other[at] ?? 0) - value) * share)).join('')}`

const hexOf = (value: number): string => Math.round(value).toString(16).padStart(2, '0')
