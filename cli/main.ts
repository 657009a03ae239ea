#!/usr/bin/env node
/** The process entry of the command line. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import pc from 'picocolors'
import { packedCommands, packedModule, runPacked } from '../app/packed.ts'
import { withProgress } from './progress.ts'

// Beside this folder in the sources, one level further up once it is built into dist/.
function readVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const manifest: { version?: string } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8'))
      if (manifest.version !== undefined) return manifest.version
    } catch {}
  }
  return 'unknown'
}

/** As a program that SIGPIPE ended, which Node ignores: 128 and its number. */
const cutOff = 141

// Whoever reads has enough (`| head`). Threat: success said of a review of which nobody saw the end.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(cutOff)
})
// What is said beside the output is missed by nobody then; what the command ends with says whether it worked.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

const plain = {
  write: (text: string) => process.stdout.write(text),
  writeError: (text: string) => process.stderr.write(text),
  colors: pc.createColors(pc.isColorSupported && process.stdout.isTTY === true),
  env: process.env,
  cwd: process.cwd(),
}
const terminal = withProgress(plain, { isShown: process.stderr.isTTY === true })

// kubectl runs `kubectl-sallyport` of the PATH for `kubectl sallyport`.
const isPlugin = /^kubectl-sallyport(?:\.\w+)?$/.test(basename(process.argv[1] ?? ''))
const args = [...(isPlugin ? ['kube'] : []), ...process.argv.slice(2)]
type ProgramModule = typeof import('./program.ts')
const packed = packedCommands.includes(args[0] ?? '') ? packedModule('program') : undefined
const { runCli } = packed === undefined ? await import('./program.ts') : runPacked<ProgramModule>(packed)
const exitCode = await runCli(args, { version: readVersion(), terminal })
// A reader that has gone is heard of a turn later. Who had nothing to read lost nothing: the command ends as it would have.
await new Promise(resolve => setImmediate(resolve))
// A pipe takes what it can, and the rest when it is read: a document of which the end is lost is none.
for (const stream of [process.stdout, process.stderr]) {
  if (stream.writableLength > 0) await new Promise(resolve => stream.write('', resolve))
}
// What was half started may still hold a socket or a timer: a failure ends the process, whatever is open.
if (exitCode !== 0) process.exit(exitCode)
