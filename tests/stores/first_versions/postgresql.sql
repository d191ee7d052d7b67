SELECT pg_catalog.set_config('search_path', '', false);
CREATE FUNCTION public.block_forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM block WHERE board_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE FUNCTION public.board_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT id FROM old_rows) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM board WHERE id IN (SELECT id FROM old_rows) ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO change (board, seq, joined)
    SELECT id, pg_current_xact_id()::text::bigint, '[]'::jsonb FROM (SELECT id FROM old_rows) AS rows (id) GROUP BY id ORDER BY id
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq, joined = change.joined;
    IF NOT pg_try_advisory_xact_lock_shared(hashtext('leaderboard'), 'change'::regclass::oid::int) THEN
        PERFORM pg_notify('leaderboard', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION public.board_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT id FROM new_rows) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM board WHERE id IN (SELECT id FROM new_rows) ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO change (board, seq, joined)
    SELECT id, pg_current_xact_id()::text::bigint, '[]'::jsonb FROM (SELECT id FROM new_rows) AS rows (id) GROUP BY id ORDER BY id
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq, joined = change.joined;
    IF NOT pg_try_advisory_xact_lock_shared(hashtext('leaderboard'), 'change'::regclass::oid::int) THEN
        PERFORM pg_notify('leaderboard', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION public.board_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT id FROM old_rows UNION SELECT id FROM new_rows) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM board WHERE id IN (SELECT id FROM old_rows UNION SELECT id FROM new_rows) ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO change (board, seq, joined)
    SELECT id, pg_current_xact_id()::text::bigint, '[]'::jsonb FROM (SELECT id FROM old_rows UNION SELECT id FROM new_rows) AS rows (id) GROUP BY id ORDER BY id
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq, joined = change.joined;
    IF NOT pg_try_advisory_xact_lock_shared(hashtext('leaderboard'), 'change'::regclass::oid::int) THEN
        PERFORM pg_notify('leaderboard', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION public.player_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT board_id FROM old_rows) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM board WHERE id IN (SELECT board_id FROM old_rows) ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO change (board, seq, joined)
    SELECT id, pg_current_xact_id()::text::bigint, '[]'::jsonb FROM (SELECT board_id FROM old_rows) AS rows (id) GROUP BY id ORDER BY id
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq, joined = change.joined;
    IF NOT pg_try_advisory_xact_lock_shared(hashtext('leaderboard'), 'change'::regclass::oid::int) THEN
        PERFORM pg_notify('leaderboard', '');
    END IF;
    IF EXISTS (SELECT FROM block WHERE board_id IN (SELECT board_id FROM old_rows)) THEN
        WITH moved AS (
    SELECT board_id, board.season, ranking, "order", player, reached_at, -1 AS delta,
        CASE "order" WHEN 'asc' THEN score ELSE -score END AS place
    FROM old_rows AS moved JOIN board ON board.id = board_id AND board.season = moved.season
    WHERE NOT hidden AND ("order" = 'desc' OR scored)
),
        counted AS (
            SELECT board_id, place, reached_at, player, delta FROM moved WHERE ranking <> 'dense'
            UNION ALL
            SELECT board_id, place, -1, '', bool_or(delta > 0)::int - bool_or(delta < 0)::int
            FROM moved WHERE ranking = 'dense' AND NOT EXISTS (
    SELECT FROM player
    WHERE moved."order" = 'desc' AND board_id = moved.board_id AND season = moved.season
        AND negative = moved.place AND NOT hidden
 UNION ALL 
    SELECT FROM player
    WHERE moved."order" = 'asc' AND board_id = moved.board_id AND season = moved.season
        AND score = moved.place AND NOT hidden AND scored
) GROUP BY board_id, place
        )
        UPDATE block SET count = count + changed.delta
        FROM (
            SELECT (
                SELECT id FROM block
                WHERE block.board_id = counted.board_id
                    AND (block.place, block.reached_at, block.player)
                        <= (counted.place, counted.reached_at, counted.player)
                ORDER BY place DESC, reached_at DESC, player DESC LIMIT 1
            ) AS id, sum(delta) AS delta
            FROM counted GROUP BY 1 HAVING sum(delta) <> 0
        ) AS changed
        WHERE block.id = changed.id;
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION public.player_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT board_id FROM new_rows) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM board WHERE id IN (SELECT board_id FROM new_rows) ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO change (board, seq, joined)
    SELECT id, pg_current_xact_id()::text::bigint, (
    SELECT coalesce(jsonb_agg(player ORDER BY reached_at), '[]'::jsonb) FROM (
        SELECT reached_at, jsonb_build_object(
            'id', player, 'name', name, 'score', score, 'seq', pg_current_xact_id()::text::bigint
        ) AS player
        FROM new_rows WHERE board_id = rows.id AND NOT hidden
        ORDER BY reached_at DESC LIMIT 5
    ) AS newest
) FROM (SELECT board_id FROM new_rows) AS rows (id) GROUP BY id ORDER BY id
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq, joined = (
    SELECT coalesce(jsonb_agg(player ORDER BY number), '[]'::jsonb) FROM (
        SELECT player, number
        FROM jsonb_array_elements(change.joined || excluded.joined)
            WITH ORDINALITY AS all_players (player, number)
        ORDER BY number DESC LIMIT 5
    ) AS newest
);
    IF NOT pg_try_advisory_xact_lock_shared(hashtext('leaderboard'), 'change'::regclass::oid::int) THEN
        PERFORM pg_notify('leaderboard', '');
    END IF;
    IF EXISTS (SELECT FROM block WHERE board_id IN (SELECT board_id FROM new_rows)) THEN
        WITH moved AS (
    SELECT board_id, board.season, ranking, "order", player, reached_at, 1 AS delta,
        CASE "order" WHEN 'asc' THEN score ELSE -score END AS place
    FROM new_rows AS moved JOIN board ON board.id = board_id AND board.season = moved.season
    WHERE NOT hidden AND ("order" = 'desc' OR scored)
),
        counted AS (
            SELECT board_id, place, reached_at, player, delta FROM moved WHERE ranking <> 'dense'
            UNION ALL
            SELECT board_id, place, -1, '', bool_or(delta > 0)::int - bool_or(delta < 0)::int
            FROM moved WHERE ranking = 'dense' AND NOT EXISTS (
    SELECT FROM player
    WHERE moved."order" = 'desc' AND board_id = moved.board_id AND season = moved.season
        AND negative = moved.place AND NOT hidden AND (board_id, player) NOT IN (SELECT board_id, player FROM new_rows)
 UNION ALL 
    SELECT FROM player
    WHERE moved."order" = 'asc' AND board_id = moved.board_id AND season = moved.season
        AND score = moved.place AND NOT hidden AND scored AND (board_id, player) NOT IN (SELECT board_id, player FROM new_rows)
) GROUP BY board_id, place
        )
        UPDATE block SET count = count + changed.delta
        FROM (
            SELECT (
                SELECT id FROM block
                WHERE block.board_id = counted.board_id
                    AND (block.place, block.reached_at, block.player)
                        <= (counted.place, counted.reached_at, counted.player)
                ORDER BY place DESC, reached_at DESC, player DESC LIMIT 1
            ) AS id, sum(delta) AS delta
            FROM counted GROUP BY 1 HAVING sum(delta) <> 0
        ) AS changed
        WHERE block.id = changed.id;
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION public.player_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM block;
    UPDATE change SET seq = pg_current_xact_id()::text::bigint;
    IF NOT pg_try_advisory_xact_lock_shared(hashtext('leaderboard'), 'change'::regclass::oid::int) THEN
        PERFORM pg_notify('leaderboard', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION public.player_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT board_id FROM old_rows UNION SELECT board_id FROM new_rows) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM board WHERE id IN (SELECT board_id FROM old_rows UNION SELECT board_id FROM new_rows) ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO change (board, seq, joined)
    SELECT id, pg_current_xact_id()::text::bigint, '[]'::jsonb FROM (SELECT board_id FROM old_rows UNION SELECT board_id FROM new_rows) AS rows (id) GROUP BY id ORDER BY id
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq, joined = change.joined;
    IF NOT pg_try_advisory_xact_lock_shared(hashtext('leaderboard'), 'change'::regclass::oid::int) THEN
        PERFORM pg_notify('leaderboard', '');
    END IF;
    IF EXISTS (SELECT FROM block WHERE board_id IN (SELECT board_id FROM old_rows UNION SELECT board_id FROM new_rows)) THEN
        WITH moved AS (
    SELECT board_id, board.season, ranking, "order", player, reached_at, -1 AS delta,
        CASE "order" WHEN 'asc' THEN score ELSE -score END AS place
    FROM old_rows AS moved JOIN board ON board.id = board_id AND board.season = moved.season
    WHERE NOT hidden AND ("order" = 'desc' OR scored)
 UNION ALL 
    SELECT board_id, board.season, ranking, "order", player, reached_at, 1 AS delta,
        CASE "order" WHEN 'asc' THEN score ELSE -score END AS place
    FROM new_rows AS moved JOIN board ON board.id = board_id AND board.season = moved.season
    WHERE NOT hidden AND ("order" = 'desc' OR scored)
),
        counted AS (
            SELECT board_id, place, reached_at, player, delta FROM moved WHERE ranking <> 'dense'
            UNION ALL
            SELECT board_id, place, -1, '', bool_or(delta > 0)::int - bool_or(delta < 0)::int
            FROM moved WHERE ranking = 'dense' AND NOT EXISTS (
    SELECT FROM player
    WHERE moved."order" = 'desc' AND board_id = moved.board_id AND season = moved.season
        AND negative = moved.place AND NOT hidden AND (board_id, player) NOT IN (SELECT board_id, player FROM new_rows)
 UNION ALL 
    SELECT FROM player
    WHERE moved."order" = 'asc' AND board_id = moved.board_id AND season = moved.season
        AND score = moved.place AND NOT hidden AND scored AND (board_id, player) NOT IN (SELECT board_id, player FROM new_rows)
) GROUP BY board_id, place
        )
        UPDATE block SET count = count + changed.delta
        FROM (
            SELECT (
                SELECT id FROM block
                WHERE block.board_id = counted.board_id
                    AND (block.place, block.reached_at, block.player)
                        <= (counted.place, counted.reached_at, counted.player)
                ORDER BY place DESC, reached_at DESC, player DESC LIMIT 1
            ) AS id, sum(delta) AS delta
            FROM counted GROUP BY 1 HAVING sum(delta) <> 0
        ) AS changed
        WHERE block.id = changed.id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TABLE public.block (
    id bigint NOT NULL,
    board_id character varying(64) NOT NULL COLLATE pg_catalog."C",
    place bigint NOT NULL,
    reached_at bigint NOT NULL,
    player character varying(64) NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL
);
ALTER TABLE public.block ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.block_id_seq START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1
);
CREATE TABLE public.board (
    id character varying(64) NOT NULL COLLATE pg_catalog."C",
    name character varying(100) NOT NULL,
    size smallint NOT NULL,
    private boolean DEFAULT false NOT NULL,
    max bigint,
    max_amount bigint,
    min bigint,
    "order" character varying(4) DEFAULT 'desc'::character varying NOT NULL,
    ranking character varying(16) DEFAULT 'ordinal'::character varying NOT NULL,
    ends_at character varying(20),
    schedule character varying(10),
    season integer DEFAULT 1 NOT NULL,
    ask_email boolean DEFAULT false NOT NULL,
    CONSTRAINT board_season_check CHECK ((season >= 0)),
    CONSTRAINT board_size_check CHECK ((size >= 0))
);
CREATE TABLE public.change (
    board character varying(64) NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    joined jsonb DEFAULT '[]'::jsonb NOT NULL
);
CREATE TABLE public.django_migrations (
    id bigint NOT NULL,
    app character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    applied timestamp with time zone NOT NULL
);
ALTER TABLE public.django_migrations ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_migrations_id_seq START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1
);
CREATE TABLE public.import (
    name character varying(255) NOT NULL,
    line bigint NOT NULL,
    digest character varying(64) NOT NULL,
    board_id character varying(64) NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.lease (
    id bigint NOT NULL,
    holder character varying(64) NOT NULL,
    beat bigint NOT NULL,
    "position" bigint NOT NULL
);
ALTER TABLE public.lease ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.lease_id_seq START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1
);
CREATE TABLE public.player (
    player character varying(64) NOT NULL COLLATE pg_catalog."C",
    name character varying(100) NOT NULL,
    score bigint NOT NULL,
    reached_at bigint NOT NULL,
    keys jsonb NOT NULL,
    board_id character varying(64) NOT NULL COLLATE pg_catalog."C",
    hidden boolean DEFAULT false NOT NULL,
    scored boolean DEFAULT true NOT NULL,
    negative bigint GENERATED ALWAYS AS ((score * '-1'::integer)) STORED,
    season integer DEFAULT 1 NOT NULL,
    email character varying(254),
    CONSTRAINT player_season_check CHECK ((season >= 0))
);
CREATE TABLE public.season (
    board_id character varying(64) NOT NULL COLLATE pg_catalog."C",
    number integer NOT NULL,
    ended_at character varying(20) NOT NULL,
    settings jsonb NOT NULL,
    players jsonb NOT NULL,
    CONSTRAINT season_number_check CHECK ((number >= 0))
);
INSERT INTO public.board VALUES
	('plain', 'Plain', 5, false, NULL, NULL, NULL, 'desc', 'ordinal', NULL, NULL, 1, false),
	('lap', 'Lap', 5, false, 99, 50, 0, 'asc', 'dense', NULL, NULL, 3, false),
	('club', 'Club', 2, true, NULL, NULL, NULL, 'desc', 'competition', NULL, NULL, 3, true);
INSERT INTO public.change VALUES
	('club', 1537, '[{"id": "p004", "seq": 1523, "name": "Player 4 Ünal <&> ", "score": 0}, {"id": "p005", "seq": 1524, "name": "Player 5 Zoë", "score": 0}, {"id": "p006", "seq": 1525, "name": "Player 6 李", "score": 0}, {"id": "p007", "seq": 1526, "name": "Player 7 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "score": 0}, {"id": "p008", "seq": 1527, "name": "Player 8 Ünal <&> ", "score": 0}]'),
	('lap', 1539, '[{"id": "p005", "seq": 1505, "name": "Player 5 Zoë", "score": 0}, {"id": "p006", "seq": 1506, "name": "Player 6 李", "score": 0}, {"id": "p007", "seq": 1507, "name": "Player 7 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "score": 0}, {"id": "p008", "seq": 1508, "name": "Player 8 Ünal <&> ", "score": 0}, {"id": "unscored", "seq": 1539, "name": "Unscored", "score": 0}]'),
	('plain', 1540, '[{"id": "unscored", "seq": 1538, "name": "Unscored", "score": 0}, {"id": "p001", "seq": 1540, "name": "P", "score": 2}, {"id": "fresh", "seq": 1540, "name": "Fresh", "score": 9}]');
INSERT INTO public.django_migrations VALUES
	(1, 'store', '0001_initial', '2026-11-30 04:42:36.601743+00'),
	(2, 'store', '0002_change_triggers', '2026-11-30 04:42:36.604145+00'),
	(3, 'store', '0003_settings_and_rankings', '2026-11-30 04:42:36.666178+00'),
	(4, 'store', '0004_seasons_and_blocks', '2026-11-30 04:42:36.88816+00'),
	(5, 'store', '0005_emails_and_hidden', '2026-11-30 04:42:37.055292+00'),
	(6, 'store', '0006_postgresql_and_newcomers', '2026-11-30 04:42:37.207927+00');
INSERT INTO public.import VALUES
	('scores.csv', 3, 'abc', 'plain');
INSERT INTO public.player VALUES
	('p000', 'Player 0 Ünal <&> ', 0, 1796013757247803, '[]', 'lap', false, false, DEFAULT, 3, NULL),
	('p001', 'Player 1 Zoë', 0, 1796013757327179, '["key-1-1"]', 'lap', false, false, DEFAULT, 3, NULL),
	('p002', 'Player 2 李', 0, 1796013757370120, '["key-1-2", "key-2-2"]', 'lap', false, false, DEFAULT, 3, NULL),
	('p003', 'Player 3 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1, 1796013757435954, '["key-1-3", "key-2-3", "key-3-3"]', 'lap', false, true, DEFAULT, 3, NULL),
	('p004', 'Player 4 Ünal <&> ', 2, 1796013757437847, '["key-1-4", "key-2-4", "key-3-4"]', 'lap', false, true, DEFAULT, 3, NULL),
	('p008', 'Player 8 Ünal <&> ', 3, 1796013757448395, '["key-1-8", "key-2-8", "key-3-8"]', 'lap', false, true, DEFAULT, 3, NULL),
	('p007', 'Player 7 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 2, 1796013757445447, '["key-1-7", "key-2-7", "key-3-7"]', 'lap', true, true, DEFAULT, 3, NULL),
	('p000', 'Player 0 Ünal <&> ', 0, 1796013757462318, '[]', 'club', false, false, DEFAULT, 3, 'p0@example.com'),
	('p001', 'Player 1 Zoë', 0, 1796013757538622, '["key-1-1"]', 'club', false, false, DEFAULT, 3, 'p1@example.com'),
	('p002', 'Player 2 李', 0, 1796013757585632, '["key-1-2", "key-2-2"]', 'club', false, false, DEFAULT, 3, 'p2@example.com'),
	('p003', 'Player 3 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1, 1796013757620491, '["key-1-3", "key-2-3", "key-3-3"]', 'club', false, true, DEFAULT, 3, 'p3@example.com'),
	('p004', 'Player 4 Ünal <&> ', 2, 1796013757623535, '["key-1-4", "key-2-4", "key-3-4"]', 'club', false, true, DEFAULT, 3, 'p4@example.com'),
	('p008', 'Player 8 Ünal <&> ', 3, 1796013757633161, '["key-1-8", "key-2-8", "key-3-8"]', 'club', false, true, DEFAULT, 3, 'p8@example.com'),
	('p007', 'Player 7 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 2, 1796013757626917, '["key-1-7", "key-2-7", "key-3-7"]', 'club', true, true, DEFAULT, 3, 'p7@example.com'),
	('unscored', 'Unscored', 0, 1796013757655110, '[]', 'plain', false, false, DEFAULT, 1, NULL),
	('unscored', 'Unscored', 0, 1796013757659255, '[]', 'lap', false, false, DEFAULT, 3, NULL),
	('p001', 'P', 2, 1796013757674432, '[]', 'plain', false, true, DEFAULT, 1, NULL),
	('fresh', 'Fresh', 9, 1796013757674433, '[]', 'plain', false, true, DEFAULT, 1, NULL);
INSERT INTO public.season VALUES
	('lap', 1, '2026-11-30T04:42:37Z', '{"id": "lap", "max": 99, "min": 0, "name": "Lap", "size": 5, "order": "asc", "season": 1, "ends_at": null, "private": false, "ranking": "dense", "schedule": null, "ask_email": false, "max_amount": 50}', '[{"id": "p001", "late": false, "name": "Player 1 Zoë", "score": 1, "hidden": false, "scored": true, "reached_at": 1796013757327179}, {"id": "p002", "late": false, "name": "Player 2 李", "score": 1, "hidden": false, "scored": true, "reached_at": 1796013757331359}, {"id": "p003", "late": false, "name": "Player 3 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "score": 1, "hidden": false, "scored": true, "reached_at": 1796013757333354}, {"id": "p004", "late": false, "name": "Player 4 Ünal <&> ", "score": 2, "hidden": false, "scored": true, "reached_at": 1796013757335039}]'),
	('lap', 2, '2026-11-30T04:42:37Z', '{"id": "lap", "max": 99, "min": 0, "name": "Lap", "size": 5, "order": "asc", "season": 2, "ends_at": null, "private": false, "ranking": "dense", "schedule": null, "ask_email": false, "max_amount": 50}', '[{"id": "p002", "late": false, "name": "Player 2 李", "score": 1, "hidden": false, "scored": true, "reached_at": 1796013757370120}, {"id": "p003", "late": false, "name": "Player 3 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "score": 1, "hidden": false, "scored": true, "reached_at": 1796013757373918}, {"id": "p004", "late": false, "name": "Player 4 Ünal <&> ", "score": 2, "hidden": false, "scored": true, "reached_at": 1796013757379253}, {"id": "p007", "late": false, "name": "Player 7 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "score": 2, "hidden": false, "scored": true, "reached_at": 1796013757398803}]'),
	('club', 1, '2026-11-30T04:42:37Z', '{"id": "club", "max": null, "min": null, "name": "Club", "size": 2, "order": "desc", "season": 1, "ends_at": null, "private": true, "ranking": "competition", "schedule": null, "ask_email": true, "max_amount": null}', '[{"id": "p004", "late": false, "name": "Player 4 Ünal <&> ", "score": 2, "hidden": false, "scored": true, "reached_at": 1796013757547947}]'),
	('club', 2, '2026-11-30T04:42:37Z', '{"id": "club", "max": null, "min": null, "name": "Club", "size": 2, "order": "desc", "season": 2, "ends_at": null, "private": true, "ranking": "competition", "schedule": null, "ask_email": true, "max_amount": null}', '[{"id": "p008", "late": false, "name": "Player 8 Ünal <&> ", "score": 3, "hidden": false, "scored": true, "reached_at": 1796013757595686}, {"id": "p004", "late": false, "name": "Player 4 Ünal <&> ", "score": 2, "hidden": false, "scored": true, "reached_at": 1796013757590816}]');
SELECT pg_catalog.setval('public.django_migrations_id_seq', 6, true);
ALTER TABLE ONLY public.block ADD CONSTRAINT block_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.block ADD CONSTRAINT block_place UNIQUE (board_id, place, reached_at, player);
ALTER TABLE ONLY public.board ADD CONSTRAINT board_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.change ADD CONSTRAINT change_pkey PRIMARY KEY (board);
ALTER TABLE ONLY public.django_migrations ADD CONSTRAINT django_migrations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.import ADD CONSTRAINT import_pkey PRIMARY KEY (board_id, name);
ALTER TABLE ONLY public.lease ADD CONSTRAINT lease_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.player ADD CONSTRAINT player_pkey PRIMARY KEY (board_id, player);
ALTER TABLE ONLY public.season ADD CONSTRAINT season_pkey PRIMARY KEY (board_id, number);
CREATE INDEX change_seq_978e9d10 ON public.change USING btree (seq);
CREATE INDEX due ON public.board USING btree (ends_at) WHERE (NOT (ends_at IS NULL));
CREATE UNIQUE INDEX email ON public.player USING btree (board_id, email) WHERE (NOT (email IS NULL));
CREATE INDEX hidden ON public.player USING btree (board_id, player) WHERE hidden;
CREATE INDEX ranked_asc ON public.player USING btree (board_id, season, score, reached_at, player) WHERE ((NOT hidden) AND scored);
CREATE INDEX ranked_desc ON public.player USING btree (board_id, season, negative, reached_at, player) WHERE (NOT hidden);
CREATE TRIGGER block_forget AFTER UPDATE OF "order", ranking, season ON public.board FOR EACH ROW WHEN ((((new."order")::text <> (old."order")::text) OR ((new.ranking)::text <> (old.ranking)::text) OR (new.season <> old.season))) EXECUTE FUNCTION public.block_forget();
CREATE TRIGGER board_delete AFTER DELETE ON public.board REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.board_delete();
CREATE TRIGGER board_insert AFTER INSERT ON public.board REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.board_insert();
CREATE TRIGGER board_update AFTER UPDATE ON public.board REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.board_update();
CREATE TRIGGER player_delete AFTER DELETE ON public.player REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.player_delete();
CREATE TRIGGER player_insert AFTER INSERT ON public.player REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.player_insert();
CREATE TRIGGER player_truncate AFTER TRUNCATE ON public.player FOR EACH STATEMENT EXECUTE FUNCTION public.player_truncate();
CREATE TRIGGER player_update AFTER UPDATE ON public.player REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.player_update();
ALTER TABLE ONLY public.block ADD CONSTRAINT block_board_id_3658ca36_fk_board_id FOREIGN KEY (board_id) REFERENCES public.board(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.import ADD CONSTRAINT import_board_id_ae48f9a8_fk_board_id FOREIGN KEY (board_id) REFERENCES public.board(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.player ADD CONSTRAINT player_board_id_faa483fd_fk_board_id FOREIGN KEY (board_id) REFERENCES public.board(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.season ADD CONSTRAINT season_board_id_dd495f4a_fk_board_id FOREIGN KEY (board_id) REFERENCES public.board(id) DEFERRABLE INITIALLY DEFERRED;
