/**
 * The API server's own account of who asked for what. It is written before the answer goes out (`--audit-log-mode=blocking`),
 * and read as it grows.
 */
import { closeSync, fstatSync, openSync, readSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createHistory, type History } from './history.ts'
import { lineSplitter } from './lines.ts'

export interface AuditUser {
  readonly username?: string
  readonly uid?: string
  readonly groups?: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** audit.k8s.io/v1 Event, what is read of it here. */
export interface AuditEvent {
  readonly auditID: string
  readonly stage: 'ResponseStarted' | 'ResponseComplete' | 'Panic'
  readonly requestURI: string
  readonly verb: string
  readonly user: AuditUser
  readonly impersonatedUser?: AuditUser
  readonly sourceIPs?: readonly string[]
  readonly userAgent?: string
  readonly objectRef?: {
    readonly resource?: string
    readonly namespace?: string
    readonly name?: string
    readonly apiGroup?: string
    readonly apiVersion?: string
    readonly subresource?: string
  }
  readonly responseStatus?: { readonly code?: number; readonly reason?: string; readonly message?: string }
  readonly annotations?: Readonly<Record<string, string>>
  readonly authenticationMetadata?: { readonly impersonationConstraint?: string }
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
}

export interface AuditLog extends Omit<History<AuditEvent>, 'add'> {
  readonly path: string
  readonly close: () => void
}

/** Its calls make the cluster, and are no part of any story. */
export const clusterMaker = 'cluster-maker'

export interface AuditFiles {
  readonly auditPolicyPath: string
  readonly auditLogPath: string
}

export function writeAuditPolicy(directory: string): AuditFiles {
  const [auditPolicyPath, auditLogPath] = [join(directory, 'audit-policy.json'), join(directory, 'audit.log')]
  const none = { level: 'None' }
  const rules = [
    { ...none, users: [clusterMaker, 'system:apiserver', 'system:kube-controller-manager'] },
    { ...none, userGroups: ['system:serviceaccounts:kube-system'] },
    { level: 'Metadata' },
  ]
  // RequestReceived is written before a person is impersonated, and would name the gateway alone.
  const settings = { omitStages: ['RequestReceived'], omitManagedFields: true, rules }
  writeFileSync(auditPolicyPath, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', ...settings }))
  writeFileSync(auditLogPath, '', { mode: 0o600 })
  return { auditPolicyPath, auditLogPath }
}

export function readAuditLog(path: string): AuditLog {
  const { add, all, until, untilAll } = createHistory<AuditEvent>()
  const file = openSync(path, 'r')
  const split = lineSplitter(line => add(JSON.parse(line) as AuditEvent))
  const buffer = Buffer.alloc(1 << 20)
  let position = 0
  const readOn = () => {
    while (fstatSync(file).size > position) {
      const count = readSync(file, buffer, 0, buffer.length, position)
      position += count
      split(buffer.subarray(0, count))
    }
  }
  const watcher = watch(path, readOn)
  return {
    path,
    get all() {
      readOn()
      return all
    },
    until: (fits, what) => {
      readOn()
      return until(fits, what)
    },
    untilAll: (fits, what) => {
      readOn()
      return untilAll(fits, what)
    },
    close: () => {
      watcher.close()
      closeSync(file)
    },
  }
}
