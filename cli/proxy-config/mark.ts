/** The first line of what is written: it says that the file may be written again. */
import type { ProxyFile } from './format.ts'

const words = 'Written by `sallyport proxy-config'

/** The file with the line above its text. */
export function marked(file: ProxyFile, format: string): ProxyFile {
  const line = `${file.comment ?? '#'} ${words} ${format}\`, which overwrites it: lines of your own go into files of their own.`
  return { ...file, text: `${line}\n${file.text}` }
}

/** Whether the command wrote it. */
export const isMarked = (text: string): boolean =>
  /^(?:#|--|\/\/) /.test(text) && (text.split('\n', 1)[0] ?? '').includes(words)
