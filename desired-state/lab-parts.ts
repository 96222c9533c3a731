/** Parts of lab.yaml that go through to planning as they are. */

/** The password itself is never here. */
export interface RegistryLogin {
  username: string;
  passwordFile: string;
}

export interface Limits {
  removalCount: number;
  removalPercent: number;
  parallel: number;
}
