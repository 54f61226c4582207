-- Keys that users hand to apps, and the budgets that hold: see the rooms keys, hand_outs, budgets
-- and metering. Amounts are in the smallest steps of their unit (protocol/amount.rs).

-- Apps that keys are handed to, known by the origin of their callback and by nothing they say.
CREATE TABLE apps (
    id BYTEA PRIMARY KEY,
    origin TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    blocked_at BIGINT
);

-- A key is a grant: its id is the grant's, and it dies with it and with everything above it. Lists
-- (scopes, origins, networks, rate limits) are space-separated. While a rotation overlaps, the
-- secret before counts too.
CREATE TABLE keys (
    id BYTEA PRIMARY KEY,
    organization BYTEA,
    owner BYTEA,
    project BYTEA,
    group_id BYTEA,
    app BYTEA,
    label TEXT NOT NULL,
    prefix TEXT NOT NULL,
    last_four TEXT NOT NULL,
    hash BYTEA NOT NULL,
    previous_hash BYTEA,
    previous_ends_at BIGINT,
    scopes TEXT NOT NULL,
    origins TEXT NOT NULL,
    networks TEXT NOT NULL,
    rate_limits TEXT NOT NULL,
    depth BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    disabled_at BIGINT,
    last_used_at BIGINT,
    revision BIGINT NOT NULL
);
CREATE INDEX keys_by_organization ON keys (organization, id) WHERE organization IS NOT NULL;
CREATE INDEX keys_by_owner ON keys (owner, id) WHERE owner IS NOT NULL;
CREATE INDEX keys_by_app ON keys (app, id) WHERE app IS NOT NULL;
CREATE INDEX keys_by_end ON keys (expires_at) WHERE expires_at IS NOT NULL;

-- One row per subject, unit and period. `total` is what was ever spent, `earlier` what of it was
-- spent before the period that began at `began_at`: beginning anew loses nothing, and
-- total = archived + the sum of the ledger, always.
CREATE TABLE budgets (
    id BYTEA PRIMARY KEY,
    organization BYTEA,
    level TEXT NOT NULL,
    subject BYTEA NOT NULL,
    unit TEXT NOT NULL,
    period TEXT NOT NULL,
    most BIGINT NOT NULL,
    total BIGINT NOT NULL,
    earlier BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    held BIGINT NOT NULL,
    archived BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX budgets_by_subject ON budgets (subject, level, unit, period, organization);
CREATE INDEX budgets_by_organization ON budgets (organization, id) WHERE organization IS NOT NULL;

-- What was charged, append-only. `path` names the budgets the amount was charged to.
CREATE TABLE ledger (
    id BYTEA PRIMARY KEY,
    organization BYTEA,
    charged_key BYTEA NOT NULL,
    unit TEXT NOT NULL,
    amount BIGINT NOT NULL,
    path BYTEA NOT NULL
);

-- What is held for charges to come, until it is committed, released or over.
CREATE TABLE holds (
    id BYTEA PRIMARY KEY,
    organization BYTEA,
    charged_key BYTEA NOT NULL,
    unit TEXT NOT NULL,
    amount BIGINT NOT NULL,
    path BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX holds_by_end ON holds (expires_at);

-- What each key used on each day (its number since 1970, UTC), kept when the ledger has left.
CREATE TABLE usage_days (
    charged_key BYTEA NOT NULL,
    day BIGINT NOT NULL,
    unit TEXT NOT NULL,
    organization BYTEA,
    amount BIGINT NOT NULL,
    charges BIGINT NOT NULL,
    PRIMARY KEY (charged_key, day, unit)
);
CREATE INDEX usage_days_by_organization ON usage_days (organization, day, charged_key)
    WHERE organization IS NOT NULL;
CREATE INDEX usage_days_by_day ON usage_days (day);

-- The names under which callers repeat a charge safely. The unique insert is the check.
CREATE TABLE metered_once (
    name BYTEA PRIMARY KEY,
    fingerprint BYTEA NOT NULL,
    deed BYTEA NOT NULL,
    amount BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX metered_once_by_end ON metered_once (expires_at);

-- Codes that an app exchanges for a key, once. What the key will be is decided when the code is made.
CREATE TABLE hand_out_codes (
    id BYTEA PRIMARY KEY,
    hash BYTEA NOT NULL,
    parent BYTEA,
    organization BYTEA,
    owner BYTEA,
    project BYTEA,
    group_id BYTEA,
    app BYTEA NOT NULL,
    callback TEXT NOT NULL,
    challenge TEXT,
    method TEXT,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    most BIGINT,
    unit TEXT NOT NULL,
    period TEXT NOT NULL,
    key_expires_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    spent_at BIGINT
);
CREATE INDEX hand_out_codes_by_end ON hand_out_codes (expires_at);

-- A hand-out on its way through sign-in and consent. Pages carry only the handle.
CREATE TABLE hand_out_requests (
    id BYTEA PRIMARY KEY,
    hash BYTEA NOT NULL,
    query TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX hand_out_requests_by_end ON hand_out_requests (expires_at);
