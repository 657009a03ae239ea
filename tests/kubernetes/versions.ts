export * from '../../cli/demo/cluster/versions.ts'
