/** The one answer to how far the clocks of two machines may be apart. */

/**
 * How far the clocks of a provider, of replicas and ours may be apart, in seconds: the leeway of every moment that
 * another machine has stated (`exp`, `nbf`, `iat`, `auth_time`), in both directions.
 */
export const clockSkewSeconds = 30

/**
 * How far ahead of us a kept `auth_time` may be, in seconds: the provider's clock ahead of the replica that took the login,
 * and that one ahead of ours.
 */
export const keptSkewSeconds = 2 * clockSkewSeconds
