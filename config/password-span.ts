/** The upper bound of `passwords.maxLifetime` and `confirmWithin`, in seconds: no password lives longer, whatever is set, and when. */
export const longestPasswordSeconds = 3650 * 86_400
