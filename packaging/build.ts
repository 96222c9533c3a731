import { join } from 'node:path';
import { bundle, root } from './bundle.ts';

/** `npm pack` runs this first. */
await bundle(join(root, 'dist'));
