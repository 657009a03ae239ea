import { describeProxy } from './suite.ts'

describeProxy('built-in')
