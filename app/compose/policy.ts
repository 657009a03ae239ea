/** Composition of the policy: where it comes from, what it has to pass, and who hears that it is in force. */
import { readFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Config } from '../../config/config.ts'
import { laxClustersOf, strictClustersOf } from '../../config/direct-clusters.ts'
import {
  applicationNamesOf,
  deciderNamesOf,
  knownTokensOf,
  machineNamesOf,
  writtenHeadersOf,
} from '../../config/machine-names.ts'
import { returnHostsOf } from '../../config/return-hosts.ts'
import { certificateRows, describeNoCertificate } from '../../rbac/asking/certificate-rows.ts'
import { describeNoReturn, findNoReturn } from '../../rbac/asking/return-hosts.ts'
import { unusedRow, unusedTokenRows } from '../../rbac/kubernetes/token-question.ts'
import { findUnmet } from '../../rbac/lint/unmet-rows.ts'
import { compilePolicy, type PolicySnapshot } from '../../rbac/policy.ts'
import type { DecisionRecorder } from '../admin/decision-recorder.ts'
import { createConfiguredSource } from '../policy/configured-source.ts'
import { watchExpiry } from '../policy/expiry-watch.ts'
import { createPolicyReloader } from '../policy/reload.ts'
import { createPolicyTrial } from '../policy/trial.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type Base, canonicalOptions, newRequestId, type Policy } from './kept.ts'

export function composePolicy(
  { config, clock, logger, metrics, audit }: Base,
  recorder: DecisionRecorder,
  onInForce: () => void,
): Policy {
  const model = readFileSync(new URL('../../rbac/model.conf', import.meta.url), 'utf8')
  const expiry = watchExpiry({
    clock,
    warning: config.policy.expiryWarning,
    onCounted: metrics.rowsEnding,
    onEnding: (rows, message) => logger.warn({ count: rows.length, rows: rows.slice(0, mostRowsNamed) }, message),
  })
  const reloader: Policy = createPolicyReloader({
    source: createConfiguredSource(config.policy, { model, watch: config.policy.watch }),
    compile: texts =>
      compilePolicy(
        {
          ...texts,
          ...machineNamesOf(config),
          ...applicationNamesOf(config),
          ...deciderNamesOf(config),
          ...writtenHeadersOf(config),
          providers: config.providers.map(({ name }) => name),
          directClusters: strictClustersOf(config),
        },
        { pause: nextTurn },
      ),
    trial: createPolicyTrial({ clock, canonical: canonicalOptions(config), ...firstProvider(config) }),
    clock,
    watch: config.policy.watch,
    onLoaded: snapshot => {
      const { revision, rowCount } = snapshot
      recorder.loaded(snapshot)
      metrics.policyLoaded(revision, rowCount)
      audit.write({ event: 'policy.loaded', requestId: newRequestId(), revision, rows: rowCount })
      logger.info({ revision, rows: rowCount }, 'policy loaded')
      warnOfRows(snapshot, config, logger)
      expiry.loaded(snapshot)
      onInForce()
    },
    onRejected: error => {
      metrics.policyRejected()
      audit.write({
        event: 'policy.rejected',
        requestId: newRequestId(),
        revision: reloader.status().revision,
        detail: error.message,
      })
      logger.error({ detail: error.message }, 'policy rejected, the last good one stays in force')
    },
  })
  return {
    ...reloader,
    close: () => {
      expiry.stop()
      return reloader.close()
    },
  }
}

const mostRowsNamed = 10

/** A person finds out at the end of a login, or never; the operator is to find out before. */
function warnOfRows(snapshot: PolicySnapshot, config: Config, logger: Logger): void {
  const warn = (rows: readonly { readonly rule: string }[], message: string): void => {
    if (rows.length > 0) logger.warn({ count: rows.length, rows: rows.slice(0, mostRowsNamed) }, message)
  }
  const noReturn = findNoReturn(snapshot.rows, returnHostsOf(config)).filter(({ isPartly }) => !isPartly)
  const unreturned = noReturn.map(row => ({ rule: row.id, ...describeNoReturn(row) }))
  warn(unreturned, 'logins do not lead back to the hosts of some rows')
  const unused = unusedTokenRows(snapshot.rows, laxClustersOf(config))
  const { message, advice } = unusedRow
  warn(
    unused.map(({ id }) => ({ rule: id, message, advice })),
    'some rows never apply, for their cluster judges calls by itself',
  )
  warn(
    (snapshot.casbin?.findings ?? []).map(({ id, message, advice }) => ({ rule: id, message, advice })),
    'the Casbin model or its rows may mean something else than they seem to',
  )
  const unmet = findUnmet(snapshot.rows, knownTokensOf(config))
  warn(
    unmet.map(({ id, message, advice }) => ({ rule: id, message, advice })),
    'some rows speak of machines, tokens or clusters that are not there, and never apply',
  )
  if (config.server.clientCertificateHeader !== undefined) return
  const unseen = certificateRows(snapshot).map(row => ({ rule: row.id, ...describeNoCertificate(row) }))
  warn(unseen, 'some rows ask for the client certificate, which no proxy is said to pass')
}

/** Whose people the tests of a policy speak of when they do not say. */
function firstProvider({ providers: [first] }: Config) {
  return first === undefined ? {} : { issuer: first.issuer, provider: first.name }
}

/** For readiness: what the source holds by now may be broken. */
export function reloadState(policy: Policy) {
  const { lastError } = policy.status()
  return lastError === undefined ? { ok: true } : { ok: false, detail: lastError }
}
