import type { Problem } from '../types.ts';

/**
 * A commit is read from `root` (a staging work tree) while every path in the result is below `as` (the stable
 * checkout that containers bind-mount). Equal for a plain directory.
 */
export interface View {
  root: string;
  as: string;
}

export interface ComposeRequest {
  /** Compose project name = service name. */
  project: string;
  view: View;
  /** The service's folder, relative to the view's root. */
  folder: string;
  /** Compose files in order, relative to `folder` (docker-compose.yml, docker-compose.override.yml). */
  files: string[];
  /** Environment files for interpolation, absolute and as they can be read now; the later wins. */
  envFiles: string[];
  /** Encrypted ones in order, absolute and as they can be read now; they win over `envFiles`. */
  encrypted?: string[];
  /** Encrypted files could not be opened: whatever only they may set gets a stand-in. */
  standIns?: boolean;
  /** Labels to add: compose service -> label -> value (the generated override). */
  extraLabels: Record<string, Record<string, string>>;
}

/** One service as `docker compose config --format json` prints it (the parts that are read; the rest stays too). */
export interface ResolvedService {
  image?: string;
  build?: { context?: string; dockerfile?: string; [key: string]: unknown };
  container_name?: string;
  user?: string;
  restart?: string;
  environment?: Record<string, string | null>;
  healthcheck?: { disable?: boolean; test?: string[]; [key: string]: unknown };
  depends_on?: Record<string, { condition: string; required?: boolean }>;
  networks?: Record<string, unknown>;
  network_mode?: string;
  volumes?: { type: string; source?: string; target: string; read_only?: boolean; [key: string]: unknown }[];
  ports?: {
    target: number;
    published?: string;
    protocol?: string;
    host_ip?: string;
    [key: string]: unknown;
  }[];
  configs?: { source: string; target?: string }[];
  secrets?: { source: string; target?: string }[];
  deploy?: { replicas?: number; [key: string]: unknown };
  scale?: number;
  stop_grace_period?: string;
  profiles?: string[];
  labels?: Record<string, string>;
  [key: string]: unknown;
}

/** A whole project in compose's canonical form, paths below `view.as`. Profiles that are not active are left out. */
export interface ResolvedProject {
  name: string;
  services: Record<string, ResolvedService>;
  networks: Record<string, { name?: string; external?: boolean; [key: string]: unknown }>;
  volumes: Record<string, { name?: string; external?: boolean; [key: string]: unknown }>;
  configs: Record<string, { name?: string; file?: string; [key: string]: unknown }>;
  secrets: Record<string, { name?: string; file?: string; [key: string]: unknown }>;
}

/** What a reader leaves to the real compose: a sentence without a full stop, and where it is written. */
export interface Unresolved {
  path: string[];
  message: string;
}

export type ComposeResult =
  /** `unresolved` is empty for the real one. */
  { ok: true; project: ResolvedProject; unresolved: Unresolved[] } | { ok: false; problems: Problem[] };

export interface ComposeReader {
  /** For people and cache keys: "docker compose 2.26.1", "built-in". */
  readonly name: string;
  resolve(request: ComposeRequest): Promise<ComposeResult>;
  /** Compose service -> what compose stamps as com.docker.compose.config-hash. Throws ToolError. */
  hashes(request: ComposeRequest): Promise<Record<string, string>>;
  /** Takes note of what compose has just stamped on the containers of this request, so that it need not be asked. */
  learn?(request: ComposeRequest, hashes: Record<string, string>): Promise<void>;
}

/** A store of texts that survives the process, e.g. a table of state.db. Keys hold all that went into the value. */
export interface TextCache {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
}
