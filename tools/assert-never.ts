/** Ends an exhaustive `switch`: a union that grew makes the call fail to compile. */
export function assertNever(value: never): never {
  throw new Error(`unreachable case: ${JSON.stringify(value)}`);
}
