/**
 * Says every minute which tests run for longer than that, and ends a run of which a file goes no further. A test's own
 * limit can't do that: it fires in the process that hangs.
 */
import { spawnSync } from 'node:child_process'
import type { Reporter, TestCase, TestModule } from 'vitest/node'

type Hook = Parameters<NonNullable<Reporter['onHookStart']>>[0]

/** Milliseconds between two looks, and the age from which a test is named. */
const lookEveryMs = 60_000
/** Milliseconds in which a file ends no test and no hook, above the longest that one is given: the bench in its short run. */
const stuckAfterMs = 1_200_000

interface RunningFile {
  /** What runs in it, and since when; the file itself while nothing else does. */
  readonly since: Map<string, number>
  lastStep: number
}

export class WhatStillRuns implements Reporter {
  readonly #files = new Map<string, RunningFile>()
  #timer: NodeJS.Timeout | undefined

  onTestRunStart(): void {
    this.#timer = setInterval(() => this.#look(), lookEveryMs)
    // What keeps a run from ending after its last test is looked for as well; this timer holds nothing up.
    this.#timer.unref()
  }

  onTestModuleQueued({ relativeModuleId }: TestModule): void {
    this.#files.set(relativeModuleId, { since: new Map([['the file', Date.now()]]), lastStep: Date.now() })
  }

  onTestModuleEnd({ relativeModuleId }: TestModule): void {
    this.#files.delete(relativeModuleId)
  }

  onTestCaseReady({ module, fullName }: TestCase): void {
    this.#begin(module, fullName)
  }

  onTestCaseResult({ module, fullName }: TestCase): void {
    this.#end(module, fullName)
  }

  onHookStart(hook: Hook): void {
    this.#begin(moduleOf(hook), hook.name)
  }

  onHookEnd(hook: Hook): void {
    this.#end(moduleOf(hook), hook.name)
  }

  #begin({ relativeModuleId }: TestModule, name: string): void {
    this.#files.get(relativeModuleId)?.since.set(name, Date.now())
  }

  #end({ relativeModuleId }: TestModule, name: string): void {
    const file = this.#files.get(relativeModuleId)
    if (file === undefined) return
    file.since.delete(name)
    file.lastStep = Date.now()
  }

  #look(): void {
    const now = Date.now()
    for (const [path, { since, lastStep }] of this.#files) {
      const [name, begun] = [...since].at(-1) ?? ['the file', lastStep]
      if (now - begun >= lookEveryMs) say(`runs for ${Math.round((now - begun) / 1000)} s: ${path}, ${name}`)
      if (now - lastStep >= stuckAfterMs) giveUp(path)
    }
  }
}

const moduleOf = ({ entity }: Hook): TestModule => (entity.type === 'module' ? entity : entity.module)

const say = (line: string): void => void process.stderr.write(`${line}\n`)

function giveUp(path: string): never {
  say(`stuck: ${path} has ended nothing for ${stuckAfterMs / 60_000} minutes`)
  // A process that hangs doesn't notice that its parent is gone.
  spawnSync('pkill', ['-KILL', '-P', String(process.pid)])
  process.exit(1)
}
