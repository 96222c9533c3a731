import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RepositoryError, type RepositoryOptions } from './types.ts';

/** Where the repository is, split into what git may see in argv and what it gets by its credential helper. */
export interface Source {
  /** Without user and password where it is HTTP. */
  gitUrl: string;
  /** For messages: secrets masked. */
  shown: string;
  /** `https://host:port`; null for other protocols. Credentials go to this origin only, not where it redirects. */
  httpOrigin: string | null;
  urlUsername: string | null;
  urlPassword: string | null;
  /** Absolute path of a repository on this machine; null where it is elsewhere. */
  localPath: string | null;
}

/** Hides what stands before the `@` of every URL in a text; the user alone of an SSH URL is no secret. */
export function maskSecrets(text: string): string {
  return text
    .replace(/(https?:\/\/)[^/\s'"]*@/gi, '$1***@')
    .replace(/(ssh:\/\/[^/\s:@'"]*):[^/\s'"]*@/gi, '$1:***@');
}

/** The path of a repository on this machine, which can be watched; null for one elsewhere. */
export function localRepositoryPath(url: string): string | null {
  if (/^file:\/\//i.test(url)) return fileURLToPath(url);
  if (url.includes('://') || /^[^/]*:/.test(url)) return null;
  return path.resolve(url);
}

/** Throws RepositoryError for what git must not be called with. */
export function parseSource(options: RepositoryOptions): Source {
  const { url, branch, tag, path: subPath, credentials } = options;
  if (url.trim() === '') throw mistake('the URL of the config repository is empty');
  if (hasControl(url)) throw mistake('the URL of the config repository contains a control character');
  refuseDash('URL', maskSecrets(url));
  if (branch !== undefined && tag !== undefined) throw mistake('give a branch or a tag, not both');
  if (branch !== undefined) checkRefName('branch', branch);
  if (tag !== undefined) checkRefName('tag', tag);
  if (subPath !== undefined) checkSubPath(subPath);
  const source = /^https?:/i.test(url) ? httpSource(url) : plainSource(url);
  const hasSecret = credentials?.tokenFile !== undefined || source.urlPassword !== null;
  if (hasSecret && source.httpOrigin?.startsWith('http:')) {
    throw mistake(`${source.shown} would carry the token in clear text; use https://`);
  }
  return source;
}

function httpSource(url: string): Source {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw mistake(`${maskSecrets(url)} is not a URL`);
  }
  const { username, password, origin } = parsed;
  parsed.username = '';
  parsed.password = '';
  return {
    gitUrl: parsed.href,
    shown: maskSecrets(url),
    httpOrigin: origin,
    urlUsername: username === '' ? null : decoded(username),
    urlPassword: password === '' ? null : decoded(password),
    localPath: null,
  };
}

/** A stray `%` is part of the password, as git reads it too. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function plainSource(url: string): Source {
  const scheme = /^([a-z][a-z0-9+.-]*):(\/\/|:)/i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'file' && scheme !== 'ssh') {
    throw mistake(`${maskSecrets(url)}: ${scheme} is not supported; use a path, ssh:// or https://`);
  }
  const host = /^ssh:\/\/([^/]*@)?(-[^/]*)/i.exec(url)?.[2] ?? /^([^/]*@)?(-[^/:]*):/.exec(url)?.[2];
  if (host !== undefined) throw mistake(`a host must not begin with "-": ${host}`);
  if (/^ssh:\/\/[^/@]*:[^/]*@/i.test(url)) {
    throw mistake(`${maskSecrets(url)}: SSH takes no password in the URL; use a deploy key`);
  }
  const localPath = localRepositoryPath(url);
  const gitUrl = localPath ?? url;
  return { gitUrl, shown: gitUrl, httpOrigin: null, urlUsername: null, urlPassword: null, localPath };
}

/** The rules of git-check-ref-format(1) that matter here. */
function checkRefName(what: string, name: string): void {
  refuseDash(what, name);
  const bad = /[ ~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$|\.lock$|^$|(^|\/)\./.test(name) || hasControl(name);
  if (bad) throw mistake(`"${name}" cannot be the name of a ${what}`);
}

function checkSubPath(subPath: string): void {
  refuseDash('path', subPath);
  const parts = subPath.split('/');
  if (path.isAbsolute(subPath) || parts.includes('..') || parts.includes('.git') || hasControl(subPath)) {
    throw mistake(`the path "${subPath}" must be a folder inside the repository`);
  }
}

function refuseDash(what: string, value: string): void {
  if (value.startsWith('-')) throw mistake(`a ${what} must not begin with "-": ${value}`);
}

/** Control characters end lines in git's own files and in terminals. */
export function hasControl(text: string): boolean {
  return [...text].some((char) => char < ' ' || char === '\u007f');
}

function mistake(message: string): RepositoryError {
  return new RepositoryError(message, { retryable: false });
}
