/** What the hub's own Caddyfile says of how it is told about routes. */
export interface HubCaddyfile {
  /** Path of the admin API's unix socket, inside the container; null: it has none. */
  socket: string | null;
  /** The line that takes the snippets in, and the folder that they are in, inside the container; null: there is none. */
  routes: { line: string; folder: string } | null;
}

export function readCaddyfile(text: string): HubCaddyfile {
  const socket =
    /^[ \t]*admin[ \t]+unix\/(\/[^\s|{]+)(?:\|\d+)?[ \t]*\{?[ \t]*(?:#.*)?$/m.exec(text)?.[1] ?? null;
  const found = /^[ \t]*import[ \t]+(\/\S*)\/\*\.caddy[ \t]*(?:#.*)?$/m.exec(text);
  const folder = found?.[1];
  return { socket, routes: found === null || folder === undefined ? null : { line: found[0], folder } };
}
