-- Connections: what other people's servers granted us. Ids are ours, times are UTC seconds.
-- Whatever is secret is sealed under the row's own data key, which the master key wraps; ciphertext
-- is bound to its table, column, row, organization and connector.

-- Providers an organization defined for itself; the shipped ones are files.
CREATE TABLE providers (
    id BYTEA PRIMARY KEY,
    organization BYTEA NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization, name)
);

-- A provider and one app registered there. vars and params are JSON objects; scopes are
-- space-separated; a grant without one of required_scopes needs its user. A fault says that the connector's own credentials do not work: refreshing stops
-- for all its connections, but for one probe at a time.
CREATE TABLE connectors (
    id BYTEA PRIMARY KEY,
    organization BYTEA NOT NULL,
    project BYTEA,
    provider TEXT NOT NULL,
    name TEXT NOT NULL,
    method TEXT NOT NULL,
    sharing TEXT NOT NULL,
    owner BYTEA,
    client_id TEXT,
    data_key BYTEA NOT NULL,
    secret BYTEA,
    secret_hint TEXT,
    secret_set_at BIGINT,
    next_secret BYTEA,
    next_secret_hint TEXT,
    next_secret_set_at BIGINT,
    scopes TEXT NOT NULL,
    required_scopes TEXT NOT NULL,
    vars TEXT NOT NULL,
    params TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    fault TEXT,
    fault_since BIGINT,
    probe_at BIGINT,
    probes BIGINT NOT NULL,
    deleting_since BIGINT
);
CREATE INDEX connectors_by_organization ON connectors (organization, id);
CREATE INDEX connectors_by_master_key ON connectors (substr(data_key, 2, 4));
CREATE INDEX connectors_deleting ON connectors (deleting_since) WHERE deleting_since IS NOT NULL;

-- One attempt to make or renew a connection, found by the digest of its state. A second arrival gets
-- the stored outcome of the first. One that ends unseen is abandoned, which is noted once.
CREATE TABLE flows (
    hash BYTEA PRIMARY KEY,
    organization BYTEA NOT NULL,
    connector BYTEA NOT NULL,
    connection BYTEA,
    owner BYTEA,
    starter TEXT NOT NULL,
    browser BYTEA,
    sealed BYTEA NOT NULL,
    redirect_uri TEXT NOT NULL,
    base TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT,
    outcome TEXT,
    made BYTEA,
    session BYTEA,
    abandoned_at BIGINT
);
CREATE INDEX flows_by_session ON flows (session) WHERE session IS NOT NULL;
CREATE INDEX flows_by_end ON flows (expires_at);
CREATE INDEX flows_open ON flows (expires_at) WHERE consumed_at IS NULL AND outcome IS NULL AND abandoned_at IS NULL;

-- One outside account's grant. The grant (refresh, its generation and end) and the access token are
-- separate columns: either may die without the other. token_updated_at is not updated_at: editing
-- a label must not look like a fresh token. spent_* say that the refresh token of spent_generation
-- was sent and that no answer has been stored. external_id is the caller's own name for it, metadata
-- a JSON object of the caller's. A provider that gives several tokens at once fills slots: rows of
-- their own below the connection (parent), each refreshed on its own, gone with it.
CREATE TABLE connections (
    id BYTEA PRIMARY KEY,
    organization BYTEA NOT NULL,
    connector BYTEA NOT NULL,
    owner BYTEA,
    method TEXT NOT NULL,
    account TEXT,
    account_label TEXT,
    external_id TEXT,
    labels TEXT NOT NULL,
    metadata TEXT NOT NULL,
    parent BYTEA,
    slot TEXT,
    status TEXT NOT NULL,
    reason TEXT,
    since BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    data_key BYTEA NOT NULL,
    issued_to TEXT,
    generation BIGINT NOT NULL,
    refresh BYTEA,
    granted_at BIGINT NOT NULL,
    grant_ends_at BIGINT,
    access BYTEA,
    access_ends_at BIGINT,
    access_lifetime BIGINT,
    fingerprint TEXT,
    scheme TEXT NOT NULL,
    scopes TEXT NOT NULL,
    missing_scopes TEXT NOT NULL,
    api_base TEXT,
    extra TEXT NOT NULL,
    token_updated_at BIGINT NOT NULL,
    lease_owner BYTEA,
    lease_until BIGINT NOT NULL,
    spent_generation BIGINT,
    spent_at BIGINT,
    spent_last_at BIGINT,
    spent_times BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    failing_since BIGINT,
    unknowns BIGINT NOT NULL,
    unknown_since BIGINT,
    next_try_at BIGINT,
    due_at BIGINT,
    reports BIGINT NOT NULL,
    reported_at BIGINT
);
CREATE INDEX connections_by_organization ON connections (organization, id);
CREATE INDEX connections_by_connector ON connections (connector, id);
CREATE INDEX connections_by_status ON connections (connector, status) WHERE parent IS NULL;
CREATE INDEX connections_by_due ON connections (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX connections_by_master_key ON connections (substr(data_key, 2, 4));
CREATE UNIQUE INDEX connections_by_account ON connections (connector, COALESCE(owner, connector), account)
    WHERE account IS NOT NULL AND status <> 'revoked';
CREATE UNIQUE INDEX connections_by_external_id ON connections (connector, external_id)
    WHERE external_id IS NOT NULL AND status <> 'revoked';
CREATE UNIQUE INDEX connections_by_slot ON connections (parent, slot) WHERE parent IS NOT NULL;

-- An invitation to connect, for a page inside another product: who asks, what for, whose it will be.
-- Found by the digest of its token.
CREATE TABLE connect_sessions (
    hash BYTEA PRIMARY KEY,
    id BYTEA NOT NULL,
    organization BYTEA NOT NULL,
    connector BYTEA NOT NULL,
    connection BYTEA,
    owner BYTEA,
    account_hint TEXT,
    starter TEXT NOT NULL,
    purpose TEXT NOT NULL,
    external_id TEXT,
    labels TEXT NOT NULL,
    scopes TEXT NOT NULL,
    base TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    made BYTEA
);
CREATE UNIQUE INDEX connect_sessions_by_id ON connect_sessions (id);
CREATE INDEX connect_sessions_by_end ON connect_sessions (expires_at);

-- What happened to a connection: never token text.
CREATE TABLE token_events (
    id BYTEA PRIMARY KEY,
    organization BYTEA NOT NULL,
    connection BYTEA NOT NULL,
    at BIGINT NOT NULL,
    what TEXT NOT NULL,
    reason TEXT,
    class TEXT,
    upstream_status BIGINT,
    upstream_request TEXT,
    node TEXT NOT NULL,
    actor TEXT NOT NULL
);
CREATE INDEX token_events_by_connection ON token_events (connection, id);

-- Tokens to be given back to the provider after their connection was erased here. The ciphertext is
-- the erased row's own and opens under its place.
CREATE TABLE farewells (
    id BYTEA PRIMARY KEY,
    organization BYTEA NOT NULL,
    connector BYTEA NOT NULL,
    data_key BYTEA NOT NULL,
    refresh BYTEA,
    access BYTEA,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL
);
CREATE INDEX farewells_by_due ON farewells (due_at);
CREATE INDEX farewells_by_master_key ON farewells (substr(data_key, 2, 4));

CREATE TABLE webhook_endpoints (
    id BYTEA PRIMARY KEY,
    organization BYTEA NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    secret BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX webhook_endpoints_by_organization ON webhook_endpoints (organization, id);

-- The outbox: written in the transaction of the change, one row per endpoint that asks for it,
-- numbered per subject, delivered at least once and in that order.
CREATE TABLE webhook_deliveries (
    message BYTEA NOT NULL,
    endpoint BYTEA NOT NULL,
    organization BYTEA NOT NULL,
    subject BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    PRIMARY KEY (message, endpoint)
);
CREATE INDEX webhook_deliveries_by_due ON webhook_deliveries (due_at);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at);
CREATE INDEX webhook_deliveries_by_subject ON webhook_deliveries (endpoint, subject, sequence);
