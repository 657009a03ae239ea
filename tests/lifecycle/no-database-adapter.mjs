// A Casbin adapter whose database is down.
export async function newAdapter(host) {
  throw new Error(`connect ECONNREFUSED ${host}`)
}
