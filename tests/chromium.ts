/** How tests start a real browser: without a window, and without calls of its own to anybody. */
import { browserPatienceMs } from './peers.ts'

const quiet = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Options of a launch. `executablePath`: what `requirePeer('chromium')` found. */
export const chromiumOptions = (executablePath: string | undefined, ...more: readonly string[]) => ({
  timeout: browserPatienceMs,
  ...(executablePath !== undefined && { executablePath }),
  args: [...quiet, ...more],
})
