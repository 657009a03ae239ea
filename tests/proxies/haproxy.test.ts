import { describeProxy } from './suite.ts'

describeProxy('haproxy')
