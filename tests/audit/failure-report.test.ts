import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { AuditFailure } from '../../app/audit/audit-log.ts'
import { createFailureReport } from '../../app/audit/failure-report.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const failure = (lost: number): AuditFailure => ({ error: new Error('full'), lost, pending: 7 })

test('ten thousand lost lines are three reports, and none is forgotten', () => {
  const reports: AuditFailure[] = []
  const report = createFailureReport(one => reports.push(one))
  for (let at = 0; at < 5_000; at += 1) report(failure(1))
  expect(reports.map(({ lost }) => lost)).toEqual([1])
  vi.advanceTimersByTime(1_000)
  expect(reports.map(({ lost }) => lost)).toEqual([1, 4_999])
  for (let at = 0; at < 5_000; at += 1) report(failure(1))
  vi.advanceTimersByTime(1_000)
  expect(reports.map(({ lost }) => lost)).toEqual([1, 4_999, 5_000])
})

test('after a quiet second a failure is reported at once', () => {
  const reports: AuditFailure[] = []
  const report = createFailureReport(one => reports.push(one))
  report(failure(0))
  vi.advanceTimersByTime(1_001)
  report(failure(2))
  expect(reports.map(({ lost }) => lost)).toEqual([0, 2])
})
