/**
 * Secrets that were published in code or documentation and yet look random: the first 12 characters of the base64url
 * SHA-256 of each, so that this file hands nobody a dictionary. Secrets that a rule of config/checks/weak-secrets.ts refuses
 * are not repeated here.
 */
export const publishedSecretDigests: ReadonlySet<string> = new Set(
  `
  -2dufB_SzWuv 1IVG4zV_j8Zd 1xdtAeNw61Z5 2439GSuJDL60 2bn74F0QqaXw 3A9t4Uxts9Nx 6Vwzprlylne5 8OVAjf4YRV9z
  9_icaRu-PXkF 9icFPpTZn8nh 9k5WvQFuWyti A242GsLaWXKf Ab1CkHo8OuZA BWe_OUizX8Pu E9Melhoa2Owv HGkvr3rMgRy0
  IRvsRXyTl1LN K1TYZwogwcci LXOnGwdmuCwG M1vaKlzwXCq6 NW8JZCDpDEV5 N_b8EqUAwN1- Nb8y7e4UhF67 O6h3q_LQJ7oI
  PYqPCG0pk5P2 Pyf0VzeOw5J_ R4tcjk5ocIGw Vw2tQ94a9Mkl WGWdBOCC-Bvq X98pjpoMolTV Yb8sz5vwKOPl ZymuhCufumVT
  _4G6F3Xzapqh eVuSW7rvmfHI hS52MbsYYGXf il2OxSlOityt islzWeDlBg_Q m05YKRIeE19t mM50ZG8j2jST nVWr1539xQY4
  nl0ghQZNvWF9 o2NkyzNWNKjQ pRfv3L9fCDHG rgD5XFdxwiE2 sEfeJpJcP-H5 skO-w6ui6grf vYueXgqpGCba wpFIo1gTAky3
  xVMg_wm4Fi7_ ylztkMyHwFBO zg8mYJlIpIZX ziRSPZn_P0ad
  `
    .trim()
    .split(/\s+/),
)
