/**
 * fast-check for the tests. A property that fails is made small, which may take hours, and no limit of a test fires while it
 * goes on: the process does nothing else. So it ends by itself, and names the smallest case that it has found by then.
 */
import fc from 'fast-check'

fc.configureGlobal({ interruptAfterTimeLimit: 150_000, markInterruptAsFailure: true })

export { fc }
