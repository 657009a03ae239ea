/** Whether the service can do its work, part by part. */

/** One part of the service, asked each time. */
export interface ReadinessProbe {
  readonly name: string
  /** Without this part no check can be answered. Otherwise its failure is a degradation. */
  readonly isRequired: boolean
  /** A rejection means not ok, and its message is the detail. */
  readonly probe: () => ReadinessState | Promise<ReadinessState>
}

export interface ReadinessState {
  readonly ok: boolean
  /** For the operator; never a secret. */
  readonly detail?: string
}

export interface ReadinessCheck extends ReadinessState {
  readonly name: string
}

export interface ReadinessReport {
  /** `unready`: a required part is not ok. `degraded`: another one is not. */
  readonly status: 'ready' | 'degraded' | 'unready'
  readonly checks: readonly ReadinessCheck[]
}

export type Readiness = () => Promise<ReadinessReport>

/** `timeoutMs`: how long a part may take to answer before it counts as not ok. Default 2,000 ms. */
export function createReadiness(probes: readonly ReadinessProbe[], timeoutMs = 2_000): Readiness {
  return async () => {
    const checks = await Promise.all(probes.map(probe => ask(probe, timeoutMs)))
    const isFailed = (isRequired: boolean): boolean =>
      probes.some((probe, at) => probe.isRequired === isRequired && checks[at]?.ok !== true)
    return { status: isFailed(true) ? 'unready' : isFailed(false) ? 'degraded' : 'ready', checks }
  }
}

async function ask({ name, probe }: ReadinessProbe, timeoutMs: number): Promise<ReadinessCheck> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<ReadinessState>(resolve => {
    timer = setTimeout(() => resolve({ ok: false, detail: `no answer within ${timeoutMs} ms` }), timeoutMs)
  })
  try {
    return { name, ...(await Promise.race([probe(), tooLate])) }
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : 'failed' }
  } finally {
    clearTimeout(timer)
  }
}
