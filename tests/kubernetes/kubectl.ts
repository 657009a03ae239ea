export * from '../../cli/demo/cluster/kubectl.ts'
