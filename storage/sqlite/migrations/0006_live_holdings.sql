-- Comparing the outside with the store reads every holding that is not over.
-- Those that are over are many more, and were all read to leave them out.
CREATE INDEX holdings_live ON holdings (id) WHERE state <> 'absent';
