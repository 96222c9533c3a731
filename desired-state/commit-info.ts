/** A commit, as it is told of. */
export interface CommitInfo {
  /** Full SHA-1. */
  id: string;
  subject: string;
  branch: string;
  /** UTC, ISO 8601. */
  committedAt: string;
}
