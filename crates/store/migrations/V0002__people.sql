-- People: how they sign in, and the sessions that follow. A session is a grant of the kind
-- `session`: its row here has the same id, and what was issued under it dies with it.

CREATE TABLE sessions (
    id BYTEA PRIMARY KEY,
    hash BYTEA NOT NULL,
    parent BYTEA,
    member BYTEA NOT NULL,
    organization BYTEA,
    project BYTEA,
    name TEXT NOT NULL,
    agent TEXT NOT NULL,
    address TEXT NOT NULL,
    methods TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    idle BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_member ON sessions (member, id);
CREATE INDEX sessions_by_parent ON sessions (parent) WHERE parent IS NOT NULL;
CREATE INDEX sessions_by_organization ON sessions (organization, id) WHERE organization IS NOT NULL;
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- A sign-in under way: found by a handle, bound to one browser, good for one outcome. `wanted` is
-- what is still needed after the first factor; `challenge` is what that factor must answer.
CREATE TABLE pending_sign_ins (
    id BYTEA PRIMARY KEY,
    hash BYTEA NOT NULL,
    browser BYTEA NOT NULL,
    continue_to TEXT NOT NULL,
    member BYTEA,
    methods TEXT NOT NULL,
    wanted TEXT NOT NULL,
    challenge BYTEA,
    tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX pending_sign_ins_by_end ON pending_sign_ins (expires_at);

-- PHC strings. The revision guards what was decided on an older password.
CREATE TABLE passwords (
    member BYTEA PRIMARY KEY,
    phc TEXT NOT NULL,
    revision BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- Which second factors a person has set up. The factor's own secrets are elsewhere; both are written
-- in one commit.
CREATE TABLE second_factors (
    member BYTEA NOT NULL,
    method TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (member, method)
);

-- Links, invitations, tickets: bound to a purpose, spent by one guarded write. `subject` is the
-- address it was sent to, `detail` what it carries.
CREATE TABLE one_time_codes (
    id BYTEA PRIMARY KEY,
    hash BYTEA NOT NULL,
    purpose TEXT NOT NULL,
    organization BYTEA,
    member BYTEA,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_at BIGINT
);
CREATE INDEX one_time_codes_by_member ON one_time_codes (member, purpose) WHERE member IS NOT NULL;
CREATE INDEX one_time_codes_by_organization ON one_time_codes (organization, id) WHERE organization IS NOT NULL;
CREATE INDEX one_time_codes_by_end ON one_time_codes (expires_at);

-- Tries to sign in, counted by account, device and network under a digest. Taking a try is the
-- write that allows it.
CREATE TABLE sign_in_tries (
    what BYTEA PRIMARY KEY,
    tries BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX sign_in_tries_by_end ON sign_in_tries (ends_at);

-- Who administers the instance.
CREATE TABLE administrators (
    member BYTEA PRIMARY KEY,
    since BIGINT NOT NULL
);

-- What an organization asks of those who act in it, and the domains of addresses that are its own.
CREATE TABLE sign_in_policies (
    organization BYTEA PRIMARY KEY,
    demand TEXT NOT NULL,
    upstream TEXT,
    changed_at BIGINT NOT NULL
);
CREATE TABLE claimed_domains (
    domain TEXT PRIMARY KEY,
    organization BYTEA NOT NULL,
    claimed_at BIGINT NOT NULL
);
CREATE INDEX claimed_domains_by_organization ON claimed_domains (organization);

-- The history of one person's sign-ins.
CREATE INDEX audit_of_sign_ins ON audit (target, id)
    WHERE action = 'session.begun' OR action = 'session.ended' OR action = 'sessions.ended'
    OR action = 'sign_in.failed';
