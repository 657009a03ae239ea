/**
 * Lets a process of its own run the sources as they are: `node --import ./tests/typescript-loader.mjs file.ts`.
 * The types are only removed; vitest does the same inside its own processes.
 */
import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import typescript from 'typescript'

if (isMainThread) register(import.meta.url)

/** Module hook, run in Node's loader thread. */
export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
  const { ESNext, ES2022 } = { ...typescript.ModuleKind, ...typescript.ScriptTarget }
  const compilerOptions = { module: ESNext, target: ES2022, verbatimModuleSyntax: true }
  const source = await readFile(fileURLToPath(url), 'utf8')
  const { outputText } = typescript.transpileModule(source, { compilerOptions, fileName: fileURLToPath(url) })
  return { format: 'module', source: outputText, shortCircuit: true }
}
