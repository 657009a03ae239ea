/** `sallyport serve`: load, refuse what is insecure, run. */
import { isatty } from 'node:tty'
import { holdSignals } from '../app/signals.ts'
import { type ConfigChoice, loadChosenConfig } from './load-config.ts'
import { reportError } from './report-error.ts'
import { exitCodes, type Terminal } from './terminal.ts'

/** Resolves when the service has ended, with the exit code. */
export async function runServe(choice: ConfigChoice, terminal: Terminal): Promise<number> {
  const signals = holdSignals()
  try {
    const { config, warnings } = loadChosenConfig(choice, terminal)
    const { serve } = await import('../app/main.ts')
    const loadConfig = () => loadChosenConfig(choice, terminal).config
    await serve(config, {
      warnings: [...warnings],
      signals,
      loadConfig,
      say: isatty(2) ? terminal.writeError : undefined,
    })
    return exitCodes.ok
  } catch (error) {
    return reportError(error, terminal)
  }
}
