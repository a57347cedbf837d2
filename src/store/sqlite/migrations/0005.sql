-- A decision about an event can be shown at any time, whatever was taken off the event since: what `purpose_sets` was before it was first changed
-- stays in the row (NULL: it was never changed), and of an event that goes, what its decision said is kept, sealed, until the person is erased.
ALTER TABLE event ADD COLUMN decided;
CREATE TABLE kept_decisions (profile INTEGER NOT NULL, batch INTEGER NOT NULL, part INTEGER NOT NULL, count INTEGER NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (profile, batch, part)) WITHOUT ROWID;
