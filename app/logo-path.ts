/** Where the picture of the auth host's pages is, for the pages and for what answers there. */
export const logoPath = '/logo'
