import { describeProxy } from './suite.ts'

describeProxy('caddy')
