import { maskSecrets } from './source.ts';
import { RepositoryError } from './types.ts';

interface Rule {
  pattern: RegExp;
  sentence: (where: string) => string;
  retryable: boolean;
}

/** First match wins: what ssh and curl say stands above git's own last line, which blames the access rights. */
const rules: Rule[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    sentence: (where) =>
      `${where}: the server shows another host key than the one in known_hosts; refused. If the server was set up anew, put its new key there`,
    retryable: false,
  },
  {
    pattern: /Host key verification failed|No .* host key is known/,
    sentence: (where) =>
      `${where}: the server's host key is not in known_hosts; refused. Verify it and add it (ssh-keyscan)`,
    retryable: false,
  },
  {
    pattern: /Permission denied \([^)]*publickey/,
    sentence: (where) =>
      `${where}: the server does not accept the SSH key; add its public half as a deploy key`,
    retryable: false,
  },
  {
    pattern: /SSL certificate problem|server certificate verification failed|certificate verify failed/,
    sentence: (where) =>
      `${where}: the certificate of the server is not trusted; name the file of your own CA as credentials.caFile in steward.yaml`,
    retryable: false,
  },
  {
    pattern: /Authentication failed|could not read (Username|Password)|returned error: 40[13]/,
    sentence: (where) =>
      `${where}: the server wants a user and a token and did not accept what it got; write the token into a file that root alone can read, and name it as credentials.tokenFile in steward.yaml (and the user as credentials.username)`,
    retryable: false,
  },
  {
    pattern: /Could not resolve host(name)?|Name or service not known|Temporary failure in name resolution/,
    sentence: (where) => `${where}: the name of the host cannot be resolved`,
    retryable: true,
  },
  {
    pattern: /Connection refused|Couldn't connect to server|Failed to connect/,
    sentence: (where) => `${where}: nobody answers there (connection refused)`,
    retryable: true,
  },
  {
    pattern: /timed out|Operation too slow|Timeout/,
    sentence: (where) => `${where}: no answer in time`,
    retryable: true,
  },
  {
    pattern: /No space left on device|Disk quota exceeded/,
    sentence: () => 'no space left for the state directory',
    retryable: true,
  },
  {
    pattern: /Read-only file system/,
    sentence: () => 'the state directory is on a read-only file system',
    retryable: true,
  },
  {
    pattern: /does not appear to be a git repository|repository '.*' not found|does not exist/i,
    sentence: (where) => `${where}: there is no Git repository there`,
    retryable: true,
  },
];

/** What git printed -> one sentence for people. `where` is the URL, masked. */
export function explain(where: string, stderr: string, cause?: unknown): RepositoryError {
  const rule = rules.find(({ pattern }) => pattern.test(stderr));
  const sentence = rule?.sentence(where) ?? `${where}: git says: ${lastWords(stderr)}`;
  return new RepositoryError(maskSecrets(sentence), { retryable: rule?.retryable ?? true, cause });
}

function lastWords(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const fatal = lines.filter((line) => /^(fatal|error):/.test(line)).at(0);
  return (fatal ?? lines.filter((line) => line !== '').at(-1) ?? 'nothing').replace(/^(fatal|error): /, '');
}

/** A file system error of our own calls -> one sentence. */
export function explainFile(error: unknown, file: string): RepositoryError {
  if (error instanceof RepositoryError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    EACCES: 'no permission to write there',
    EPERM: 'no permission to write there',
    EROFS: 'the file system is read-only',
    ENOSPC: 'no space left',
    EDQUOT: 'the quota is used up',
    ENOTDIR: 'a part of the path is a file',
    EEXIST: 'a file stands where a folder belongs',
  };
  const why = known[code ?? ''] ?? message;
  return new RepositoryError(`state directory ${file}: ${why}`, { retryable: true, cause: error });
}
