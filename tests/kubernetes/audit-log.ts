export * from '../../cli/demo/cluster/audit-log.ts'
