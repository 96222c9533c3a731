/** A secret could not be opened, written or kept to oneself. `message` is a sentence for people, and holds no value. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}
