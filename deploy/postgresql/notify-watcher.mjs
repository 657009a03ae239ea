// A Casbin watcher over PostgreSQL's LISTEN and NOTIFY, for policy.adapter.watcher: every replica loads the policy again
// as soon as a transaction that changed it commits. Needs the package `pg` and the trigger of notify.sql. Lay it beside
// the node_modules that hold `pg`, and name it by its absolute path.
import pg from 'pg'

const firstRetryMs = 200
const longestRetryMs = 10_000

/** Options are those of a `pg` client, and `channel` (default `casbin`). Rejects while the database is not there. */
export async function newWatcher({ channel = 'casbin', ...connection }) {
  let onUpdate = () => {}
  let client
  let isClosed = false

  async function connect() {
    const fresh = new pg.Client({ keepAlive: true, ...connection })
    fresh.on('error', () => fresh.end().catch(() => {}))
    fresh.on('notification', () => onUpdate())
    try {
      await fresh.connect()
      await fresh.query(`LISTEN ${fresh.escapeIdentifier(channel)}`)
    } catch (error) {
      await fresh.end().catch(() => {})
      throw error
    }
    fresh.once('end', () => isClosed || retry(firstRetryMs))
    client = fresh
  }

  function retry(delayMs) {
    setTimeout(() => {
      if (isClosed) return
      // What was said while nobody listened is made up for by one load.
      connect().then(
        () => onUpdate(),
        () => retry(Math.min(delayMs * 2, longestRetryMs)),
      )
    }, delayMs)
  }

  await connect()
  return {
    async setUpdateCallback(callback) {
      onUpdate = callback
    },
    async update() {
      await client.query('SELECT pg_notify($1, $2)', [channel, ''])
      return true
    },
    async close() {
      isClosed = true
      await client.end()
    },
  }
}
