import { X509Certificate } from 'node:crypto';
import { CaddyRefused, caddySentence, rootCertificate } from '../../tools/caddy/admin.ts';
import { UserError } from '../errors.ts';
import { declaredState } from '../keys.ts';
import { type Flags, readSettings } from '../settings.ts';
import { note } from '../terminal.ts';
import { wire } from '../wire.ts';

/** The root certificate of the hub's internal CA, as PEM, for devices to trust. Exit 0: it is printed. */
export async function ca(flags: Flags): Promise<number> {
  const settings = readSettings(flags);
  const wired = await wire(settings);
  try {
    const desired = await declaredState(wired, settings, 'text');
    if (desired === null) return 1;
    if (desired.hub === null)
      throw new UserError('lab.yaml names no hub that can be asked; see `hub` in docs/config.md');
    const root = await rootCertificate({ socket: desired.hub.socket }).catch((error: unknown) => {
      const why = error instanceof CaddyRefused ? error.message : caddySentence(error);
      throw new UserError(`the internal CA of the hub is not known: ${why}`);
    });
    process.stdout.write(`${root.trimEnd()}\n`);
    const { subject, validTo, fingerprint256 } = new X509Certificate(root);
    note(`steward: ${subject}, valid until ${validTo}\nsteward: SHA-256 ${fingerprint256}`);
    return 0;
  } finally {
    wired.close();
  }
}
