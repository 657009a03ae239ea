export * from '../../cli/demo/cluster/api-client.ts'
