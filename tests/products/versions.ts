/** Versions of the products that the conformance suite runs, in one place: `.ci/run` reads it. */
export const productVersions = {
  canaille: '0.3.6',
  dex: '2.41.1',
  gitea: '1.26.0',
  hydra: '2.3.0',
  keycloak: '26.7.3',
} as const

/** Of what a policy asks. */
export const deciderVersions = {
  opa: '1.22.3',
} as const

/** Of what stands behind the service. */
export const applicationVersions = {
  argocd: '3.2.11',
  homeassistant: '2025.4.4',
} as const

export type ProductName = keyof typeof productVersions
