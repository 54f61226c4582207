-- Factors beside the password, mail, and signing in with other providers. Whose a row is, is called
-- `owner`; secrets are hashed or sealed before they get here.

-- One authenticator app per person. Until it is confirmed by a code it counts for nothing. A step
-- works once: `last_step` only grows.
CREATE TABLE totp_seeds (
    owner BYTEA PRIMARY KEY,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE recovery_codes (
    owner BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (owner, hash)
);

-- `credential` is the authenticator's name for it. `bound_to` says whether it may be copied to other
-- devices of its owner, which never changes.
CREATE TABLE passkeys (
    id BYTEA PRIMARY KEY,
    owner BYTEA NOT NULL,
    credential BYTEA NOT NULL UNIQUE,
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    bound_to TEXT NOT NULL,
    backed_up_at BIGINT,
    make BYTEA NOT NULL,
    transports TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX passkeys_by_owner ON passkeys (owner, id);

-- Spent by being removed. `bound` is the session or the pending sign-in it was made for.
CREATE TABLE passkey_challenges (
    hash BYTEA PRIMARY KEY,
    purpose TEXT NOT NULL,
    bound BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_challenges_by_end ON passkey_challenges (expires_at);

-- One code per sign-in under way; a newer one takes its place. Its life begins when it was sent.
CREATE TABLE mail_codes (
    bound BYTEA PRIMARY KEY,
    owner BYTEA NOT NULL,
    address TEXT NOT NULL,
    mac BYTEA NOT NULL,
    tries BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX mail_codes_by_end ON mail_codes (expires_at);

-- Letters to be sent; what they say is sealed. A node takes one by moving `due_at`.
CREATE TABLE mail_queue (
    id BYTEA PRIMARY KEY,
    sealed BYTEA NOT NULL,
    tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);
CREATE INDEX mail_queue_by_due ON mail_queue (due_at, id);

-- Other OpenID providers. No organization: for the whole instance.
CREATE TABLE upstream_providers (
    id BYTEA PRIMARY KEY,
    organization BYTEA,
    name TEXT NOT NULL,
    preset TEXT NOT NULL,
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    scopes TEXT NOT NULL,
    admits TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,
    revision BIGINT NOT NULL
);
CREATE INDEX upstream_providers_by_organization ON upstream_providers (organization, id);

-- Who somebody is elsewhere: (issuer, subject) and nothing else. `email` is only shown.
CREATE TABLE upstream_identities (
    id BYTEA PRIMARY KEY,
    owner BYTEA NOT NULL,
    provider BYTEA NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    email TEXT,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    UNIQUE (issuer, subject)
);
CREATE INDEX upstream_identities_by_owner ON upstream_identities (owner, id);
CREATE INDEX upstream_identities_by_provider ON upstream_identities (provider);

-- Visits to another provider under way, spent by being removed. `bound` is the session or the
-- pending sign-in it is for; `sealed` holds the PKCE verifier and what the visit goes on with.
CREATE TABLE upstream_flows (
    id BYTEA PRIMARY KEY,
    hash BYTEA NOT NULL,
    provider BYTEA NOT NULL,
    browser BYTEA NOT NULL,
    bound BYTEA NOT NULL,
    purpose TEXT NOT NULL,
    nonce BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX upstream_flows_by_end ON upstream_flows (expires_at);
CREATE INDEX upstream_flows_by_browser ON upstream_flows (browser);
