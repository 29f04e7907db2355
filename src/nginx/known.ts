// What is said of directives that nobody took: those of nginx's own workings, and those that protect something.

/** They are about nginx, its sockets, its buffers or its log of errors. */
const MEANINGLESS = new Set(
  `user worker_processes worker_connections worker_rlimit_nofile worker_cpu_affinity worker_priority worker_aio_requests
  worker_shutdown_timeout pid daemon master_process error_log events load_module use multi_accept accept_mutex pcre_jit
  thread_pool debug_connection timer_resolution env lock_file ssl_engine working_directory
  sendfile sendfile_max_chunk tcp_nopush tcp_nodelay aio aio_write directio output_buffers postpone_output
  keepalive_timeout keepalive_requests keepalive_time keepalive_disable lingering_close lingering_time lingering_timeout
  reset_timedout_connection send_timeout client_header_timeout client_header_buffer_size large_client_header_buffers
  client_body_buffer_size client_body_temp_path client_body_in_file_only client_body_in_single_buffer
  connection_pool_size request_pool_size types types_hash_max_size types_hash_bucket_size default_type charset
  charset_map charset_types source_charset override_charset
  server_names_hash_bucket_size server_names_hash_max_size server_name_in_redirect port_in_redirect absolute_redirect
  variables_hash_max_size variables_hash_bucket_size map_hash_max_size map_hash_bucket_size server_tokens
  open_file_cache open_file_cache_valid open_file_cache_min_uses open_file_cache_errors read_ahead
  log_not_found log_subrequest open_log_file_cache resolver resolver_timeout msie_padding msie_refresh etag
  if_modified_since max_ranges merge_slashes ignore_invalid_headers recursive_error_pages chunked_transfer_encoding
  gzip_comp_level gzip_vary gzip_proxied gzip_buffers gzip_disable gzip_http_version gzip_static gunzip
  brotli brotli_types brotli_comp_level brotli_static brotli_min_length real_ip_recursive
  fastcgi_buffer_size fastcgi_buffers fastcgi_busy_buffers_size fastcgi_temp_path fastcgi_max_temp_file_size
  fastcgi_temp_file_write_size fastcgi_send_lowat fastcgi_bind fastcgi_socket_keepalive fastcgi_store fastcgi_store_access
  fastcgi_cache_max_range_offset fastcgi_temp_path fastcgi_read_buffer
  zone keepalive_requests keepalive_time rewrite_log uninitialized_variable_warn http2 http2_max_concurrent_streams http3
  quic_retry limit_req_status limit_conn_status limit_req_log_level limit_conn_log_level mail stream break
  fastcgi_cache_path log_format`.split(/\s+/),
);

const WHY: Readonly<Record<string, string>> = {
  fastcgi_store: "the cache does it, and knows when an answer is too old",
  fastcgi_store_access: "there is no store",
  fastcgi_buffer_size: "limits.maxResponseHeaders is the bound",
  fastcgi_buffers: "limits.responseBuffer is the bound",
  fastcgi_temp_path: "bodies are spooled in the system's temporary folder",
  fastcgi_cache_max_range_offset: "ranges are cut out of the whole answer",
  fastcgi_bind: "the system chooses the local address",
  fastcgi_socket_keepalive: "read timeouts end what is silent",
  types: "media types come from a table of the gateway",
  large_client_header_buffers: "limits.maxUri and limits.maxRequestHeaders are the bounds",
  fastcgi_cache_path: "no location uses it",
  log_format: "no log uses it",
  map: "nothing that was taken uses the variable",
  set: "nothing that was taken uses the variable",
  geo: "there is no geo",
  limit_req: "requests are not counted: limit them in front",
  limit_conn: "connections are not counted: limit them in front",
  autoindex: "folders without an index are 403",
  valid_referers: "there is no if: $http_referer can be checked by the application",
  sub_filter: "answers are not changed",
  auth_basic: "there is no password check: what it protects is closed",
  auth_request: "there is no request to another location: what it protects is closed (see authorizer)",
  limit_rate: "of answers of applications only",
  limit_except: "there is no choice by method: what it refuses is open now",
  include: "the file does not exist",
};

/** They are taken where something uses them. */
const TAKEN =
  /^(?:fastcgi_\w+|root|index|alias|try_files|expires|add_header|error_page|return|rewrite|allow|deny|internal|client_max_body_size|client_body_timeout|gzip|gzip_types|gzip_min_length|access_log|upstream|disable_symlinks|real_ip_header)$/;

export function opinionOf(name: string): { readonly kind: "unsupported" | "meaningless"; readonly why: string } {
  if (name.startsWith("ssl_")) return { kind: "meaningless", why: "TLS ends in front of the gateway" };
  // What makes that it is not used is named itself.
  if (!MEANINGLESS.has(name) && WHY[name] === undefined && TAKEN.test(name)) {
    return { kind: "meaningless", why: "nothing that was taken uses it" };
  }
  const meaningless = MEANINGLESS.has(name) || name === "map" || name === "set";
  const why = WHY[name] ?? (meaningless ? "it is about nginx itself" : "there is nothing like it");
  return { kind: meaningless ? "meaningless" : "unsupported", why };
}

/** What makes the answer of a location beside files and FastCGI. */
export const HANDLERS: readonly string[] = [
  "proxy_pass",
  "uwsgi_pass",
  "scgi_pass",
  "grpc_pass",
  "memcached_pass",
  "stub_status",
  "empty_gif",
  "flv",
  "mp4",
  "perl",
  "content_by_lua",
  "content_by_lua_block",
  "content_by_lua_file",
  "js_content",
  "dav_methods",
  "echo",
];

/** What keeps visitors out in ways that the gateway has not. */
export const GUARDS: readonly string[] = [
  "auth_basic",
  "auth_request",
  "auth_jwt",
  "auth_digest",
  "access_by_lua_block",
];
