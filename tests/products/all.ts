/** Every product that has an adapter. */
import { canaille } from './canaille.ts'
import { dex } from './dex.ts'
import { gitea } from './gitea.ts'
import { hydra } from './hydra.ts'
import type { Product } from './product.ts'

export const products: readonly Product[] = [hydra, gitea, canaille, dex]
