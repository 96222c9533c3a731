import { openStore } from '../../reconciler/state/store.ts';

/** A process of its own that opens a state folder at an instant: `open-at.ts DIR MILLISECONDS`. */
const [stateDir = '', at = '0'] = process.argv.slice(2);
while (Date.now() < Number(at)) {
  // Sleeping would wake up too late.
}
openStore(stateDir).close();
