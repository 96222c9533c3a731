/** A name as text: what is no text, or would break the line, byte by byte. The folder at the top is `.`. */
export function shown(name: Buffer): string {
  if (name.length === 0) return '.';
  const text = name.toString();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  if (!/[\u0000-\u001f\u007f]/.test(text) && Buffer.from(text).equals(name)) return text;
  const hex = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;
  return [...name].map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : hex(byte))).join('');
}
