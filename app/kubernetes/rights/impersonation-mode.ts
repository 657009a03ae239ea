/** How the API server lets the gateway speak for people. */

/**
 * `legacy`: the verb `impersonate`, in every version. `constrained` (KEP-5284, on by default since Kubernetes 1.36): whom
 * the gateway speaks for and what it does as them are granted apart.
 */
export type ImpersonationMode = 'legacy' | 'constrained'

export const impersonationModes: readonly ImpersonationMode[] = ['legacy', 'constrained']
