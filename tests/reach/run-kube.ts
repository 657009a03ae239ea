/** Runs `sallyport kube …` in this process, as somebody without colours. */
import pc from 'picocolors'
import { runCli } from '../../cli/program.ts'

/** `cwd`: where relative paths are from; `env`: without a PATH nothing is found there. */
export async function runKube(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [out, errors]: [string[], string[]] = [[], []]
  const terminal = {
    write: (text: string) => void out.push(text),
    writeError: (text: string) => void errors.push(text),
    progress: (text: () => string) => void text(),
    colors: pc.createColors(false),
    env,
    cwd,
  }
  const code = await runCli(['kube', ...args], { version: '0', terminal })
  return { code, out: out.join(''), errors: errors.join('') }
}
