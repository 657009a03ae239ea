/** What each setting of oauth2-proxy does to who gets in. A name that stands nowhere here may keep people out. */

export type SettingEffect = 'read' | 'none' | 'admits' | 'address' | 'asks' | 'restricts'

const named = (text: string): readonly string[] => text.trim().split(/\s+/)

const names: Readonly<Record<SettingEffect, readonly string[]>> = {
  /** Rows are made of them. */
  read: named(`
    email_domains authenticated_emails_file allowed_groups allowed_group oidc_groups_claim skip_auth_routes skip_auth_regex
    skip_auth_preflight trusted_ips upstreams provider`),
  /** They let nobody in and keep nobody out. */
  none: named(`
    client_id client_secret client_secret_file provider_display_name provider_ca_files provider_ca_file
    use_system_trust_store resource scope approval_prompt prompt code_challenge_method force_code_challenge_method jwt_key
    jwt_key_file pubjwk_url login_url redeem_url profile_url validate_url redirect_url relative_redirect_url
    backend_logout_url whitelist_domains encode_state oidc_issuer_url oidc_jwks_url oidc_public_key_files
    skip_oidc_discovery oidc_roles_claim oidc_audience_claim oidc_audience_claims oidc_extra_audience
    oidc_extra_audiences skip_claims_from_profile_url insecure_oidc_allow_unverified_email
    insecure_oidc_skip_issuer_verification insecure_oidc_skip_nonce ssl_insecure_skip_verify
    github_token google_admin_email google_service_account_json google_use_application_default_credentials
    google_target_principal google_use_organization_id azure_graph_group_field
    entra_id_federated_token_auth
    cookie_name cookie_secret cookie_secret_file cookie_domain cookie_domains cookie_path cookie_expire cookie_refresh
    cookie_secure cookie_httponly cookie_samesite cookie_csrf_per_request cookie_csrf_per_request_limit
    cookie_csrf_expire cookie_csrf_samesite
    session_store_type session_cookie_minimal redis_connection_url redis_username redis_password redis_use_sentinel
    redis_sentinel_password redis_sentinel_master_name redis_sentinel_connection_urls redis_use_cluster
    redis_cluster_connection_urls redis_ca_path redis_insecure_skip_tls_verify redis_connection_idle_timeout
    http_address https_address tls_cert_file tls_key_file tls_min_version tls_cipher_suites metrics_address
    metrics_secure_address metrics_tls_cert_file metrics_tls_key_file
    force_https reverse_proxy real_client_ip_header trusted_proxy_ips proxy_prefix proxy_websockets upstream_timeout
    flush_interval disable_keep_alives ssl_upstream_insecure_skip_verify allow_query_semicolons
    pass_basic_auth pass_access_token pass_user_headers pass_authorization_header pass_host_header set_xauthrequest
    set_authorization_header set_basic_auth prefer_email_to_user basic_auth_password skip_auth_strip_headers
    skip_provider_button api_routes api_route force_json_errors bearer_token_login_fallback display_htpasswd_form
    htpasswd_user_groups htpasswd_user_group signature_key banner footer custom_templates_dir custom_sign_in_logo
    show_debug_on_error
    request_logging request_logging_format request_id_header auth_logging auth_logging_format standard_logging
    standard_logging_format logging_filename logging_max_size logging_max_age logging_max_backups logging_local_time
    logging_compress errors_to_info_log exclude_logging_paths exclude_logging_path silence_ping_logging
    ping_path ping_user_agent ready_path gcp_healthchecks`),
  /** They let in more than the others say: without them the rows are narrower, and still right. */
  admits: named('htpasswd_file skip_jwt_bearer_tokens extra_jwt_issuers'),
  /** The claim that an address comes from: with any other one, rows about addresses would mean other people. */
  address: named('oidc_email_claim user_id_claim'),
  /** The login asked the provider for more, and nothing compared what it answered. */
  asks: named('acr_values'),
  /** They keep people out, by what only the interface of one provider knows, or by what is read with that provider alone. */
  restricts: named(`
    allowed_roles allowed_role keycloak_groups keycloak_group azure_tenant entra_id_allowed_tenants bitbucket_team
    bitbucket_repository github_org github_team github_repo github_users gitlab_group gitlab_groups gitlab_projects
    google_group google_groups`),
}

const effects = new Map(
  (Object.keys(names) as SettingEffect[]).flatMap(effect => names[effect].map(name => [name, effect] as const)),
)

/** `undefined` for a name that is not known. */
export const effectOf = (name: string): SettingEffect | undefined => effects.get(name)
