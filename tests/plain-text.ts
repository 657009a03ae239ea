/** Before each test file: texts without colours, here and in every process that a test starts, whatever the run's own are. */
process.env.NO_COLOR = '1'
// Wins over the other where it is set, and Node warns of the two together.
delete process.env.FORCE_COLOR
