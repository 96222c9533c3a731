/**
 * What a route may say in directives: what tells of requests and answers, and reaches nothing but the containers of its
 * own service (caddyserver.com/docs/caddyfile/directives; modules/caddyhttp of Caddy 2.6 to 2.11). Not in here, on
 * purpose: what reads or writes files (root, file_server, templates, try_files, php_fastcgi, log, the matcher file), asks
 * others (forward_auth, dynamic upstreams, health_upstream, redirects of a health check), runs code (the matcher
 * expression), speaks for the hub (acme_server, metrics, tls, bind) or takes other text in (import, invoke).
 */
export interface Rule {
  /** What its words must be, behind a matcher; none: any. */
  words?: 'upstreams' | 'http' | 'algorithm';
  /** Lines of its block; none: it has no block. */
  block?: Table | 'directives' | 'matchers' | 'users' | 'anything';
}

export type Table = Readonly<Record<string, Rule>>;

const any: Rule = {};

function names(text: string): Table {
  return Object.fromEntries(text.split(/\s+/).map((name) => [name, any]));
}

const transport: Table = names(
  `read_buffer write_buffer read_timeout write_timeout max_response_header dial_timeout dial_fallback_delay
   response_header_timeout expect_continue_timeout tls tls_insecure_skip_verify tls_timeout tls_server_name
   tls_renegotiation tls_except_ports keepalive keepalive_interval keepalive_idle_conns keepalive_idle_conns_per_host
   versions compression max_conns_per_host`,
);

const proxy: Table = {
  ...names(
    `lb_policy lb_retries lb_try_duration lb_try_interval health_uri health_port health_method health_interval
     health_timeout health_status health_body health_passes health_fails max_fails fail_duration unhealthy_request_count
     unhealthy_status unhealthy_latency flush_interval buffer_requests buffer_responses max_buffer_size request_buffers
     response_buffers stream_timeout stream_close_delay trusted_proxies header_up header_down method rewrite`,
  ),
  to: { words: 'upstreams' },
  health_headers: { block: 'anything' },
  transport: { words: 'http', block: transport },
};

const basicAuth: Rule = { words: 'algorithm', block: 'users' };

export const directives: Table = {
  ...names('abort method redir rewrite uri'),
  respond: { block: names('body close') },
  error: { block: names('message') },
  header: { block: 'anything' },
  request_header: { block: 'anything' },
  encode: { block: { ...names('gzip zstd br minimum_length prefer'), match: { block: 'anything' } } },
  request_body: { block: names('max_size read_timeout write_timeout') },
  basicauth: basicAuth,
  basic_auth: basicAuth,
  handle: { block: 'directives' },
  handle_path: { block: 'directives' },
  route: { block: 'directives' },
  reverse_proxy: { words: 'upstreams', block: proxy },
};

/** Known to Caddy, and not to a route: no slip of the pen for one of those above. */
export const beyond = new Set(
  `acme_server bind copy_response copy_response_headers file_server forward_auth fs handle_errors handle_response import
   intercept invoke log log_append log_name log_skip map metrics php_fastcgi push root skip_log templates tls tracing
   try_files vars dynamic expression file vars_regexp`.split(/\s+/),
);

export const matchers: Table = {
  ...names('path path_regexp host method header header_regexp query protocol remote_ip client_ip'),
  not: { block: 'matchers' },
};
