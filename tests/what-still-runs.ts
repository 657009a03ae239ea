/**
 * Says every minute which tests run for longer than that, and ends a run in which nothing ends any more. A test's own
 * limit can't do that: it fires in the process that hangs.
 */
import { spawnSync } from 'node:child_process'
import type { Reporter, TestCase, TestModule } from 'vitest/node'

type Hook = Parameters<NonNullable<Reporter['onHookStart']>>[0]

/** Milliseconds between two looks, and the age from which a test is named. */
const LOOK_EVERY = 60_000
/** Milliseconds without any end after which a run is stuck: twice the longest limit, which is a hook's. */
const STUCK_AFTER = 600_000

export class WhatStillRuns implements Reporter {
  readonly #since = new Map<string, number>()
  #lastEnd = 0
  #timer: NodeJS.Timeout | undefined

  onTestRunStart(): void {
    this.#lastEnd = Date.now()
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY)
    this.#timer.unref()
  }

  onTestRunEnd(): void {
    // What keeps a run from ending after its last test is looked for as well: the timer goes on, and holds nothing up.
    this.#lastEnd = Date.now()
  }

  onTestModuleQueued(module: TestModule): void {
    this.#begin(module.relativeModuleId)
  }

  onTestModuleEnd(module: TestModule): void {
    this.#end(module.relativeModuleId)
  }

  onTestCaseReady(test: TestCase): void {
    this.#begin(nameOf(test))
  }

  onTestCaseResult(test: TestCase): void {
    this.#end(nameOf(test))
  }

  onHookStart(hook: Hook): void {
    this.#begin(`${hook.name} of ${placeOf(hook)}`)
  }

  onHookEnd(hook: Hook): void {
    this.#end(`${hook.name} of ${placeOf(hook)}`)
  }

  #begin(name: string): void {
    this.#since.set(name, Date.now())
  }

  #end(name: string): void {
    this.#since.delete(name)
    this.#lastEnd = Date.now()
  }

  #look(): void {
    const now = Date.now()
    const old = [...this.#since].filter(([, since]) => now - since >= LOOK_EVERY)
    for (const [name, since] of old) say(`running for ${Math.round((now - since) / 1000)} s: ${name}`)
    if (now - this.#lastEnd < STUCK_AFTER) return
    say(
      `stuck: nothing ended for ${STUCK_AFTER / 1000} s; ${old.length === 0 ? 'no test runs' : 'see above for what runs'}`,
    )
    // A process that hangs doesn't notice that its parent is gone.
    spawnSync('pkill', ['-KILL', '-P', String(process.pid)])
    process.exit(1)
  }
}

const say = (line: string): void => void process.stderr.write(`${line}\n`)

const nameOf = (test: TestCase): string => `${test.module.relativeModuleId} > ${test.fullName}`

function placeOf({ entity }: Hook): string {
  if (entity.type === 'module') return entity.relativeModuleId
  return `${entity.module.relativeModuleId} > ${entity.fullName}`
}
