/** What a subcommand may touch of the process around it; handed in, so that a test sees what a person would see. */
import type pc from 'picocolors'

export interface Terminal {
  /** Writes text to standard output as it is. */
  readonly write: (text: string) => void
  /** Writes text to standard error as it is. */
  readonly writeError: (text: string) => void
  /** Says how far a long command is; see progress.ts. Cheap, so that it can be called for each item. */
  readonly progress: (text: () => string) => void
  readonly colors: ReturnType<typeof pc.createColors>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

/** What the process ends with. */
export const exitCodes = {
  /** It worked. */
  ok: 0,
  /** It did not work. */
  failure: 1,
  /** The command line, the configuration or the policy is wrong; nothing was started. */
  usage: 2,
} as const
