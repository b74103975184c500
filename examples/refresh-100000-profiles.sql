-- Tables of refresh-100000-profiles.json (PostgreSQL 12 or newer).

-- Whom to look up. Lower case, without @.
CREATE TABLE IF NOT EXISTS tiktok_watchlist (
  username   text PRIMARY KEY,
  -- Why there is no profile: not-found, private, attempts ...
  problem    text,
  problem_at timestamptz
);

-- The id stays when somebody takes another username.
CREATE TABLE IF NOT EXISTS tiktok_profiles (
  user_id            text PRIMARY KEY,
  username           text NOT NULL,
  nickname           text,
  verified           boolean,
  private            boolean,
  bio                text,
  bio_link           text,
  follower_count     bigint,
  following_count    bigint,
  heart_count        bigint,
  video_count        bigint,
  instagram          text,
  twitter            text,
  youtube_channel_id text,
  avatar_url         text,
  url                text,
  refreshed_at       timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS tiktok_profiles_username ON tiktok_profiles (username);
