-- Every machine has a chain of its own, numbered without gaps in the order of
-- arrival, so that a chain that was removed as a whole shows.
CREATE TABLE cookie_consent.chain (
	id               text   PRIMARY KEY,
	number           bigint NOT NULL UNIQUE,
	count            bigint NOT NULL,
	hash             bytea  NOT NULL,
	checkpoint_count bigint,
	checkpoint_hash  bytea,
	checkpoint_mac   bytea
);

-- body is the very text that hash is made of, and no jsonb, which would change it.
CREATE TABLE cookie_consent.record (
	chain    text   NOT NULL REFERENCES cookie_consent.chain (id),
	sequence bigint NOT NULL,
	id       uuid   NOT NULL UNIQUE,
	body     text   NOT NULL,
	hash     bytea  NOT NULL,
	PRIMARY KEY (chain, sequence)
);

CREATE TABLE cookie_consent.shown (
	digest     bytea       PRIMARY KEY,
	document   text        NOT NULL,
	first_used timestamptz NOT NULL
);
