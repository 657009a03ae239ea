/** What a process and its children have cost so far, from /proc (proc(5)); `undefined` where there is none. */
import { readdirSync, readFileSync } from 'node:fs'

const microsecondsPerTick = 10_000

/** User and system time in microseconds, in steps of ten milliseconds. */
export function cpuMicrosecondsOf(pid: number): number | undefined {
  return sumOver(pid, one => {
    const stat = readProc(`/proc/${one}/stat`)
    // The second field is the program's name and may hold spaces; fields are counted from its closing bracket.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick
  })
}

/** Resident memory in MiB. */
export function rssMiBOf(pid: number): number | undefined {
  return sumOver(pid, one => {
    const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(readProc(`/proc/${one}/status`) ?? '') ?? []
    return kibibytes === undefined ? undefined : Number(kibibytes) / 1_024
  })
}

/** A service with workers is several processes. */
function sumOver(pid: number, cost: (pid: number) => number | undefined): number | undefined {
  const own = cost(pid)
  if (own === undefined) return undefined
  return childrenOf(pid).reduce((sum, child) => sum + (sumOver(child, cost) ?? 0), own)
}

function childrenOf(pid: number): number[] {
  const threads = listProc(`/proc/${pid}/task`)
  const children = threads.map(thread => readProc(`/proc/${pid}/task/${thread}/children`) ?? '')
  return children.join(' ').split(/\s+/).filter(Boolean).map(Number)
}

function listProc(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
