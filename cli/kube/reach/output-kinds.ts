/** What `sallyport kube review` can print. */
export const outputs = ['text', 'json', 'csv', 'sarif', 'html'] as const
export type Output = (typeof outputs)[number]
