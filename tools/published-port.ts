/** A port of the host as Steward names it: `443/tcp`, with the address where it is not all of them. */
export function publishedPort(address: string | undefined, port: number | string, protocol: string): string {
  const isAny = address === undefined || ['', '0.0.0.0', '::'].includes(address);
  return isAny ? `${port}/${protocol}` : `${address}:${port}/${protocol}`;
}
