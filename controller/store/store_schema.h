#pragma once

// The tables of the store. Columns for what is asked for by value; the rest of a row is one blob: a
// version byte, then a message of proto/broadside/store/v1. Tests have a number (never used again)
// that the other tables name, so that their rows stay short.
//
//   meta        one row: who this store is, and how often it was opened
//   tests       one row a test; `result` is what changes with every interval
//   specs       the spec of a test in JSON, apart: it never changes and may be a megabyte
//   partitions  owners; segments name them by number
//   segments    the plan, never updated
//   ledger      what each commit adds, one row a commit; a snapshot every kLedgerCommitsMax commits
//               replaces the rows before it (rows per agent and interval would cost 93 ms a second
//               at 10,000 agents, a blob 6)
//   intervals   the series, updated in place by (test, k)
//   changes     what happened, the newest limits::kAuditRowsMax of all tests
//   garbage     tests whose rows are to be removed, a bounded slice at a time: the plan only, or
//               everything
//   drains      agent processes that a user asked to drain, the newest limits::kAgentsMax

#include <array>

#include "controller/core/fleet_view.h"

namespace broadside {

// PRAGMA application_id: "BrSd".
inline constexpr int kStoreApplication = 0x42725364;

inline constexpr char kStoreBlobVersion = 1;
inline constexpr int kLedgerCommitsMax = 60;

// Rows with a smaller state are tests that go on after a restart.
inline constexpr int kFirstEndedState = static_cast<int>(TestState::kFinished);

// The tables of schema 1, as they were released first.
inline constexpr const char* kFirstTables = R"sql(
CREATE TABLE meta (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  store_uuid TEXT NOT NULL,
  epoch INTEGER NOT NULL);
CREATE TABLE tests (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  idempotency_key TEXT NOT NULL,
  body_hash INTEGER NOT NULL,
  state INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  t0 INTEGER NOT NULL,
  t0_epoch INTEGER NOT NULL,
  appended_through INTEGER NOT NULL,
  begun_through INTEGER NOT NULL,
  cut_at INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  planned INTEGER NOT NULL,
  result BLOB NOT NULL);
CREATE INDEX tests_by_created ON tests (created_at, id);
CREATE INDEX tests_by_state ON tests (state);
CREATE TABLE specs (
  test INTEGER PRIMARY KEY,
  json TEXT NOT NULL);
CREATE TABLE partitions (
  test INTEGER NOT NULL,
  number INTEGER NOT NULL,
  owners BLOB NOT NULL);
CREATE UNIQUE INDEX partitions_by_number ON partitions (test, number);
CREATE TABLE segments (
  test INTEGER NOT NULL,
  k INTEGER NOT NULL,
  from_slot INTEGER NOT NULL,
  until_slot INTEGER NOT NULL,
  partition INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  PRIMARY KEY (test, k)) WITHOUT ROWID;
CREATE TABLE ledger (
  id INTEGER PRIMARY KEY,
  entries BLOB NOT NULL);
CREATE TABLE intervals (
  id INTEGER PRIMARY KEY,
  test INTEGER NOT NULL,
  k INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  content BLOB NOT NULL);
CREATE UNIQUE INDEX intervals_by_k ON intervals (test, k);
CREATE INDEX intervals_by_revision ON intervals (test, revision);
CREATE TABLE changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  test INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  at INTEGER NOT NULL,
  detail TEXT NOT NULL);
CREATE INDEX changes_by_revision ON changes (test, revision);
CREATE TABLE garbage (
  test INTEGER PRIMARY KEY,
  everything INTEGER NOT NULL);
)sql";

// Migration i brings a store from schema i + 1 to i + 2. A new store goes the same way from the
// first tables, so that an old one and a new one are alike. What was released never changes: a
// change of the tables is one more migration.
inline constexpr std::array<const char*, 2> kMigrations = {
    R"sql(
CREATE INDEX tests_by_key ON tests (idempotency_key) WHERE idempotency_key <> '';
CREATE INDEX tests_by_end ON tests (ended_at) WHERE ended_at IS NOT NULL;
CREATE TABLE drains (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  incarnation TEXT NOT NULL UNIQUE);
)sql",
    // The first was never set; the second is in `result`, to the nanosecond.
    R"sql(
ALTER TABLE tests DROP COLUMN t0_epoch;
ALTER TABLE tests DROP COLUMN cut_at;
)sql"};

// PRAGMA user_version of the file.
inline constexpr int kStoreSchema = 1 + static_cast<int>(kMigrations.size());

}  // namespace broadside
