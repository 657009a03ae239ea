/** Before each test file: what Node itself gives up on a loaded machine although nothing is wrong. */
import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net'

// A name with several addresses, such as localhost, gets 250 ms for each of them.
setDefaultAutoSelectFamilyAttemptTimeout(20_000)
