-- The authorization server: what clients registered to sign people in, requests under way, what
-- people agreed to and the codes for it, and who must hear when a session ends.

-- Absent for a client that signs nobody in. Lists are space-separated.
CREATE TABLE relying_parties (
    client BYTEA PRIMARY KEY,
    post_logout_redirect_uris TEXT NOT NULL,
    backchannel_logout_uri TEXT,
    client_uri TEXT,
    logo_uri TEXT,
    policy_uri TEXT,
    tos_uri TEXT,
    subject_type TEXT NOT NULL,
    sector TEXT,
    id_token_alg TEXT NOT NULL,
    userinfo_alg TEXT,
    request_object_alg TEXT,
    pushed_requests TEXT NOT NULL,
    dpop TEXT NOT NULL,
    consent TEXT NOT NULL,
    default_max_age BIGINT,
    resources TEXT NOT NULL
);

-- Whom an access token speaks for, where that is not its client, and the key it is bound to.
ALTER TABLE access_tokens ADD COLUMN subject TEXT;
ALTER TABLE access_tokens ADD COLUMN jkt TEXT;

-- The key a public client's refresh tokens are bound to (RFC 9449 §5).
ALTER TABLE refresh_families ADD COLUMN jkt TEXT;

-- A request that waits for a person, or was pushed and waits for its browser. Pages carry only the
-- handle. It is deleted by its one outcome. Session and member are those of when it came in.
CREATE TABLE authorization_requests (
    id BYTEA PRIMARY KEY,
    hash BYTEA NOT NULL,
    client BYTEA NOT NULL,
    channel TEXT NOT NULL,
    browser BYTEA,
    form TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    session BYTEA,
    member BYTEA,
    expires_at BIGINT NOT NULL
);
CREATE INDEX authorization_requests_by_end ON authorization_requests (expires_at);

-- What a person agreed to, from the code on. The id is the code's, then the grant's and the refresh
-- family's. A code is spent by the grant that begins under its id, which happens once, so this row
-- never changes while somebody waits; the purge lets it live as long as its grant.
CREATE TABLE authorizations (
    id BYTEA PRIMARY KEY,
    hash BYTEA NOT NULL,
    client BYTEA NOT NULL,
    owner BYTEA NOT NULL,
    session BYTEA NOT NULL,
    session_ends_at BIGINT NOT NULL,
    redirect_uri TEXT NOT NULL,
    redirect_uri_from TEXT NOT NULL,
    challenge TEXT,
    scopes TEXT NOT NULL,
    audience TEXT NOT NULL,
    nonce TEXT,
    authenticated_at BIGINT NOT NULL,
    amr TEXT NOT NULL,
    max_age BIGINT,
    acr TEXT,
    claims TEXT,
    jkt TEXT,
    issued_at BIGINT NOT NULL,
    code_ends_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX authorizations_by_end ON authorizations (ends_at);
CREATE INDEX authorizations_by_owner ON authorizations (owner, client);

CREATE TABLE consents (
    owner BYTEA NOT NULL,
    client BYTEA NOT NULL,
    audience TEXT NOT NULL,
    scopes TEXT NOT NULL,
    given_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (owner, client, audience)
);
CREATE INDEX consents_by_client ON consents (client);

-- Claims of a person beyond the account's own (OpenID Connect Core §5.1), as a JSON object.
CREATE TABLE profiles (
    member BYTEA PRIMARY KEY,
    claims TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    email_verified_at BIGINT
);

-- Which clients a session signed into and must hear of its end.
CREATE TABLE session_clients (
    session BYTEA NOT NULL,
    client BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (session, client)
);
CREATE INDEX session_clients_by_end ON session_clients (expires_at);

-- Ends of sessions that clients have not heard of yet.
CREATE TABLE logout_notices (
    id BYTEA PRIMARY KEY,
    client BYTEA NOT NULL,
    session BYTEA NOT NULL,
    owner BYTEA NOT NULL,
    tries BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX logout_notices_by_due ON logout_notices (due_at);

-- What the instance derives its own keys from, sealed; made once, by whichever node is first.
CREATE TABLE instance_secrets (
    name TEXT PRIMARY KEY,
    sealed BYTEA NOT NULL
);
