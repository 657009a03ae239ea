/** Moments of an inventory: seconds since the epoch within, ISO 8601 in documents. */

export function inventoryMoment(text: string | undefined): number | undefined {
  const milliseconds = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000)
}

export const isoOf = (seconds: number): string => new Date(seconds * 1000).toISOString()
