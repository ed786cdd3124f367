-- Which rules found something in which declaration, under the day (China) of the first assessment that said so: what
-- customs makes of the declaration tells how often a rule was right. How often rules hit at all is counted in `throughput`.

CREATE TABLE rule_hits (
    declaration text COLLATE "C" NOT NULL,      -- register key
    rule text COLLATE "C" NOT NULL,
    day bigint NOT NULL,                        -- yyyymmdd
    PRIMARY KEY (declaration, rule)
);
CREATE INDEX rule_hits_by_day ON rule_hits (day, rule);
