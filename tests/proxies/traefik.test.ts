import { describeProxy } from './suite.ts'

describeProxy('traefik')
