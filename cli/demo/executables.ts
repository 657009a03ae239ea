/** Whether a program can be run. */
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export function isOnPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some(directory => isExecutableFile(join(directory, command)))
}

export function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
