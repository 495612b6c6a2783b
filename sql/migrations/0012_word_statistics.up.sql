-- The keyword leg takes from the planner's statistics in how many tickets a frequent word is. Five
-- thousand words instead of one: what they do not know is then in fewer than one ticket of 500.
ALTER TABLE search_documents ALTER COLUMN tsv SET STATISTICS 500;
