import { describeProxy } from './suite.ts'

describeProxy('envoy-grpc')
