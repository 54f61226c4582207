-- The house: tenants, people, clients, the revocation graph and what hangs on it.
-- Ids are 16-byte UUIDv7 made by us; times are UTC seconds; a nullable time says whether and when.

CREATE TABLE instance (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE organizations (
    id BYTEA PRIMARY KEY,
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE projects (
    id BYTEA PRIMARY KEY,
    organization BYTEA NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organization, slug)
);

CREATE TABLE groups (
    id BYTEA PRIMARY KEY,
    organization BYTEA NOT NULL,
    name TEXT NOT NULL,
    bio TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX groups_by_organization ON groups (organization, id);

CREATE TABLE users (
    id BYTEA PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE memberships (
    organization BYTEA NOT NULL,
    member BYTEA NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization, member)
);
CREATE INDEX memberships_by_member ON memberships (member);

CREATE TABLE group_members (
    group_id BYTEA NOT NULL,
    member BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (group_id, member)
);
CREATE INDEX group_members_by_member ON group_members (member);

-- Tokens a client got for itself live while the client does and are not older than not_before.
-- Lists (grants, scopes, redirect URIs) are space-separated: none of their items may hold a space.
-- Every change raises the revision, so that two editors cannot overwrite each other unseen.
CREATE TABLE clients (
    id BYTEA PRIMARY KEY,
    organization BYTEA,
    name TEXT NOT NULL,
    profile TEXT NOT NULL,
    auth_method TEXT NOT NULL,
    assertion_alg TEXT,
    keys TEXT,
    keys_uri TEXT,
    grant_types TEXT NOT NULL,
    scopes TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    audience TEXT,
    token_format TEXT NOT NULL,
    token_alg TEXT NOT NULL,
    access_ttl BIGINT NOT NULL,
    refresh_idle BIGINT NOT NULL,
    refresh_absolute BIGINT NOT NULL,
    refresh_grace BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,
    revision BIGINT NOT NULL
);
CREATE INDEX clients_by_organization ON clients (organization, id);

CREATE TABLE client_secrets (
    id BYTEA PRIMARY KEY,
    client BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    last_four TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX client_secrets_by_client ON client_secrets (client, id);

CREATE TABLE client_groups (
    client BYTEA NOT NULL,
    group_id BYTEA NOT NULL,
    PRIMARY KEY (client, group_id)
);
CREATE INDEX client_groups_by_group ON client_groups (group_id);

-- The revocation graph. A credential is dead when its grant or any ancestor is; the look-up walks
-- up, so revoking is one row and a child made at the same moment cannot escape. What a code was
-- redeemed for is an 'authorization'. It is found by its owner, and leaves at its end, through the row
-- of the same id in `authorizations`, so that redeeming writes no index twice.
CREATE TABLE grants (
    id BYTEA PRIMARY KEY,
    parent BYTEA,
    kind TEXT NOT NULL,
    organization BYTEA,
    owner BYTEA,
    client BYTEA,
    scopes TEXT NOT NULL,
    audience TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    revoked_why TEXT
);
CREATE INDEX grants_by_parent ON grants (parent) WHERE kind <> 'authorization';
CREATE INDEX grants_by_organization ON grants (organization, id);
CREATE INDEX grants_by_revocation ON grants (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX grants_by_client ON grants (client, id) WHERE client IS NOT NULL;
CREATE INDEX grants_by_owner ON grants (owner, id) WHERE owner IS NOT NULL AND kind <> 'authorization';
CREATE INDEX grants_by_end ON grants (expires_at) WHERE expires_at IS NOT NULL AND kind <> 'authorization';

-- Opaque access tokens: append-only, keyed by time-ordered id, recognised by hash. No grant means
-- the client's own authority (RFC 6749 §4.4).
CREATE TABLE access_tokens (
    id BYTEA PRIMARY KEY,
    hash BYTEA NOT NULL,
    grant_id BYTEA,
    client BYTEA NOT NULL,
    scopes TEXT NOT NULL,
    audience TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Access tokens revoked one by one, opaque or JWT, until they would have expired anyway.
CREATE TABLE revoked_tokens (
    id BYTEA PRIMARY KEY,
    revoked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revoked_tokens_by_end ON revoked_tokens (expires_at);

-- One row per refresh family, updated in place under its head. A family is a grant: its id is the
-- grant's, which says whose it is, what for, where and until when, and it dies with it.
CREATE TABLE refresh_families (
    id BYTEA PRIMARY KEY,
    rule TEXT NOT NULL,
    lineage BYTEA NOT NULL,
    generation BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    previous_hash BYTEA,
    rotated_at BIGINT,
    successor BYTEA,
    idle_ends_at BIGINT NOT NULL
);
CREATE INDEX refresh_families_with_successor ON refresh_families (rotated_at) WHERE successor IS NOT NULL;

-- What may be used once: assertion ids (RFC 7523 §3). The unique insert is the replay check.
CREATE TABLE spent_once (
    hash BYTEA PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX spent_once_by_end ON spent_once (expires_at);

CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    alg TEXT NOT NULL,
    generation BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    public_jwk TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    signs_from BIGINT NOT NULL,
    signs_until BIGINT,
    published_until BIGINT,
    UNIQUE (alg, generation)
);

-- What other nodes must hear of. Read by a window of time, so clocks may differ.
CREATE TABLE changes (
    id BYTEA PRIMARY KEY,
    kind TEXT NOT NULL,
    subject BYTEA NOT NULL
);

CREATE TABLE audit (
    id BYTEA PRIMARY KEY,
    at BIGINT NOT NULL,
    organization BYTEA,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    request TEXT NOT NULL
);
CREATE INDEX audit_by_organization ON audit (organization, id);

CREATE TABLE refusals (
    code TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    organization BYTEA,
    error TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    request TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX refusals_by_end ON refusals (expires_at);

-- Written in the same commit as the change it answers for; the answer is sealed before it gets here.
CREATE TABLE idempotency (
    caller TEXT NOT NULL,
    name TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    status BIGINT NOT NULL,
    answer TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (caller, name)
);
CREATE INDEX idempotency_by_end ON idempotency (expires_at);
