import { describeProxy } from './suite.ts'

describeProxy('nginx')
