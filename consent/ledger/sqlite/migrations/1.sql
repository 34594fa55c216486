-- The end of the chain, apart from its records. The one row is made with the file.
CREATE TABLE chain (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	id    TEXT    NOT NULL,
	count INTEGER NOT NULL,
	hash  BLOB    NOT NULL
) STRICT;

-- hash is SHA-256(hash of the record before, body).
CREATE TABLE record (
	sequence INTEGER PRIMARY KEY,
	body     TEXT NOT NULL,
	hash     BLOB NOT NULL
) STRICT;

-- What visitors saw; digest is SHA-256(document).
CREATE TABLE shown (
	digest     BLOB PRIMARY KEY,
	document   TEXT NOT NULL,
	first_used TEXT NOT NULL
) STRICT;

-- The last record that was pruned.
CREATE TABLE checkpoint (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	count INTEGER NOT NULL,
	hash  BLOB    NOT NULL,
	mac   BLOB    NOT NULL
) STRICT;

-- Up to which record a second store has the chain, where there is one.
CREATE TABLE delivery (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	count INTEGER NOT NULL
) STRICT;
