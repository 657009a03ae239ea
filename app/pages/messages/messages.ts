/** The languages that the pages are written in. */
import { english, type Messages } from './english.ts'
import { german } from './german.ts'

export type Language = 'en' | 'de'

export const messages: Readonly<Record<Language, Messages>> = { en: english, de: german }
