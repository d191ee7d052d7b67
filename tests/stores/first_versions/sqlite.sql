PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "django_migrations" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app" varchar(255) NOT NULL, "name" varchar(255) NOT NULL, "applied" datetime NOT NULL);
INSERT INTO django_migrations VALUES(1,'store','0001_initial','2026-11-30 04:41:58.785078');
INSERT INTO django_migrations VALUES(2,'store','0002_change_triggers','2026-11-30 04:41:58.790116');
CREATE TABLE IF NOT EXISTS "board" ("id" varchar(64) NOT NULL PRIMARY KEY, "name" varchar(100) NOT NULL, "size" smallint unsigned NOT NULL CHECK ("size" >= 0));
INSERT INTO board VALUES('plain','Plain',5);
INSERT INTO board VALUES('empty','Empty',5);
CREATE TABLE IF NOT EXISTS "change" ("board" varchar(64) NOT NULL PRIMARY KEY, "seq" bigint NOT NULL UNIQUE);
INSERT INTO change VALUES('plain',31);
INSERT INTO change VALUES('empty',28);
CREATE TABLE IF NOT EXISTS "import" ("name" varchar(255) NOT NULL, "line" bigint NOT NULL, "digest" varchar(64) NOT NULL, "board_id" varchar(64) NOT NULL REFERENCES "board" ("id") DEFERRABLE INITIALLY DEFERRED, PRIMARY KEY ("board_id", "name"));
INSERT INTO import VALUES('scores.csv',3,'abc','plain');
CREATE TABLE IF NOT EXISTS "player" ("player" varchar(64) NOT NULL, "name" varchar(100) NOT NULL, "score" bigint NOT NULL, "reached_at" bigint NOT NULL, "keys" text NOT NULL CHECK ((JSON_VALID("keys") OR "keys" IS NULL)), "board_id" varchar(64) NOT NULL REFERENCES "board" ("id") DEFERRABLE INITIALLY DEFERRED, PRIMARY KEY ("board_id", "player"));
INSERT INTO player VALUES('p000','Player 0 Ünal <&> ',2,1796013718803817,'["key-0"]','plain');
INSERT INTO player VALUES('p001','Player 1 Zoë',1,1796013718883778,'["key-1"]','plain');
INSERT INTO player VALUES('p002','Player 2 李',-1,1796013718812571,'["key-2"]','plain');
INSERT INTO player VALUES('p004','Player 4 Ünal <&> ',0,1796013718819341,'["key-4"]','plain');
INSERT INTO player VALUES('p005','Player 5 Zoë',0,1796013718822573,'["key-5"]','plain');
INSERT INTO player VALUES('p006','Player 6 李',0,1796013718830674,'["key-6"]','plain');
INSERT INTO player VALUES('p007','Player 7 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',3,1796013718840965,'["key-7"]','plain');
INSERT INTO player VALUES('p008','Player 8 Ünal <&> ',1,1796013718847220,'["key-8"]','plain');
INSERT INTO player VALUES('p009','Player 9 Zoë',1,1796013718854194,'["key-9"]','plain');
INSERT INTO player VALUES('p010','Player 10 李',1,1796013718858253,'["key-10"]','plain');
INSERT INTO player VALUES('p011','Player 11 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1,1796013718864991,'["key-11"]','plain');
INSERT INTO player VALUES('fresh','Fresh',9,1796013718883779,'[]','plain');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('django_migrations',2);
CREATE INDEX "rank" ON "player" ("board_id", "score" DESC, "reached_at", "player");
CREATE TRIGGER board_insert AFTER insert ON "board" BEGIN
    INSERT INTO change (board, seq)
    VALUES (NEW.id, (SELECT coalesce(max(seq), 0) + 1 FROM change))
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq;
END;
CREATE TRIGGER board_update AFTER update ON "board" BEGIN
    INSERT INTO change (board, seq)
    VALUES (NEW.id, (SELECT coalesce(max(seq), 0) + 1 FROM change))
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq;
END;
CREATE TRIGGER board_delete AFTER delete ON "board" BEGIN
    INSERT INTO change (board, seq)
    VALUES (OLD.id, (SELECT coalesce(max(seq), 0) + 1 FROM change))
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq;
END;
CREATE TRIGGER player_insert AFTER insert ON "player" BEGIN
    INSERT INTO change (board, seq)
    VALUES (NEW.board_id, (SELECT coalesce(max(seq), 0) + 1 FROM change))
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq;
END;
CREATE TRIGGER player_update AFTER update ON "player" BEGIN
    INSERT INTO change (board, seq)
    VALUES (NEW.board_id, (SELECT coalesce(max(seq), 0) + 1 FROM change))
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq;
END;
CREATE TRIGGER player_delete AFTER delete ON "player" BEGIN
    INSERT INTO change (board, seq)
    VALUES (OLD.board_id, (SELECT coalesce(max(seq), 0) + 1 FROM change))
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq;
END;
COMMIT;
