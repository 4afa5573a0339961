// Linked into `broadside_failpoints`, the real program with a store that fails when it is told to.
//
// Wraps SQLite's default VFS before main. A file `failpoint` beside the store says what is to
// happen, as long as it is there: one line, "POINT EFFECT".
//
// Points: a write to the disk as FILE-OPERATION, FILE being db, wal or journal, OPERATION write,
// sync or truncate, or * for any; or sql-WORD for a statement that begins with these words, with
// dashes for the blanks ("sql-INSERT-INTO-segments", "sql-COMMIT").
//
// Effects: kill-before and kill-after (SIGKILL), power-before and power-after (what was not synced
// is undone, then SIGKILL), power-torn (a write of which the first half is on the disk, nothing
// else since the last sync), and for files full, error and short (half is written, then no space).
// As in a kernel, a sync that failed leaves its data readable and lost at a power cut, whatever
// later syncs say.
//
// One database; used by the store's thread alone.

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace broadside {
namespace {

struct Failpoint {
  std::string point;
  std::string effect;
};

std::string& FailpointFile() {
  static std::string file;
  return file;
}

Failpoint Armed() {
  Failpoint armed;
  std::ifstream in(FailpointFile());
  in >> armed.point >> armed.effect;
  return armed;
}

[[noreturn]] void Die() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

// ---- what a power cut takes ----

// Bytes that were overwritten and what is there now may not be on the disk.
struct Overwritten {
  sqlite3_int64 at = 0;
  std::string bytes;
  sqlite3_int64 end() const { return at + static_cast<sqlite3_int64>(bytes.size()); }
};

struct Content {
  std::vector<Overwritten> unsynced;
  std::vector<Overwritten> doomed;  // their sync failed: no later one helps
};

void Undo(sqlite3_file* file, const std::vector<Overwritten>& writes) {
  constexpr size_t kChunk =
      65'536;  // SQLite never writes more than a page, and not 128 KiB at once
  for (auto it = writes.rbegin(); it != writes.rend(); ++it) {
    for (size_t done = 0; done < it->bytes.size(); done += kChunk) {
      const size_t size = std::min(kChunk, it->bytes.size() - done);
      file->pMethods->xWrite(file, it->bytes.data() + done, static_cast<int>(size),
                             it->at + static_cast<sqlite3_int64>(done));
    }
  }
}

// What is written over is no longer what failed to be synced.
void Supersede(std::vector<Overwritten>& doomed, sqlite3_int64 from, sqlite3_int64 until) {
  std::vector<Overwritten> rest;
  for (const Overwritten& old : doomed) {
    if (old.at < from) {
      const auto size = static_cast<size_t>(std::min(from, old.end()) - old.at);
      rest.push_back({old.at, old.bytes.substr(0, size)});
    }
    if (old.end() > until) {
      const sqlite3_int64 at = std::max(until, old.at);
      rest.push_back({at, old.bytes.substr(static_cast<size_t>(at - old.at))});
    }
  }
  doomed = std::move(rest);
}

// ---- files ----

// SQLite allocates it, with the real file behind it.
struct File {
  sqlite3_file base;
  const char* name;  // db, wal, journal
  Content* content;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

std::vector<File*>& OpenFiles() {
  static std::vector<File*> files;
  return files;
}

File* Of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }

[[noreturn]] void CutPower() {
  for (File* file : OpenFiles()) {
    Undo(file->real(), file->content->unsynced);
    Undo(file->real(), file->content->doomed);
  }
  Die();
}

// The effect that is armed for this operation; the deadly ones of before happen here.
std::string Before(const File& file, const char* operation) {
  const Failpoint armed = Armed();
  const std::string exact = std::string(file.name) + "-" + operation;
  const std::string any = std::string("*-") + operation;
  if (armed.point != exact && armed.point != any && armed.point != "*") return "";
  if (armed.effect == "kill-before") Die();
  if (armed.effect == "power-before") CutPower();
  return armed.effect;
}

void After(const std::string& effect) {
  if (effect == "kill-after") Die();
  if (effect == "power-after") CutPower();
}

int Close(sqlite3_file* file) {
  std::erase(OpenFiles(), Of(file));
  delete Of(file)->content;
  return Of(file)->real()->pMethods->xClose(Of(file)->real());
}

int Read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
  return Of(file)->real()->pMethods->xRead(Of(file)->real(), to, bytes, at);
}

int WriteThrough(File& file, const void* from, int bytes, sqlite3_int64 at) {
  Overwritten old{at, std::string(static_cast<size_t>(bytes), '\0')};
  // What is behind the end reads as zeros, as it may after a power cut.
  file.real()->pMethods->xRead(file.real(), old.bytes.data(), bytes, at);
  Supersede(file.content->doomed, at, old.end());
  file.content->unsynced.push_back(std::move(old));
  return file.real()->pMethods->xWrite(file.real(), from, bytes, at);
}

int Write(sqlite3_file* base, const void* from, int bytes, sqlite3_int64 at) {
  File& file = *Of(base);
  const std::string effect = Before(file, "write");
  if (effect == "full") return SQLITE_FULL;
  if (effect == "error") return SQLITE_IOERR_WRITE;
  if (effect == "short") {
    WriteThrough(file, from, bytes / 2, at);
    return SQLITE_FULL;
  }
  if (effect == "power-torn") {
    for (File* open : OpenFiles()) Undo(open->real(), open->content->unsynced);
    file.real()->pMethods->xWrite(file.real(), from, bytes / 2, at);
    Die();
  }
  const int code = WriteThrough(file, from, bytes, at);
  After(effect);
  return code;
}

int Truncate(sqlite3_file* base, sqlite3_int64 size) {
  File& file = *Of(base);
  const std::string effect = Before(file, "truncate");
  if (effect == "error" || effect == "full") return SQLITE_IOERR_TRUNCATE;
  sqlite3_int64 before = 0;
  file.real()->pMethods->xFileSize(file.real(), &before);
  if (before > size) {
    Overwritten tail{size, std::string(static_cast<size_t>(before - size), '\0')};
    file.real()->pMethods->xRead(file.real(), tail.bytes.data(), static_cast<int>(before - size),
                                 size);
    Supersede(file.content->doomed, size, before);
    file.content->unsynced.push_back(std::move(tail));
  }
  const int code = file.real()->pMethods->xTruncate(file.real(), size);
  After(effect);
  return code;
}

int Sync(sqlite3_file* base, int /*flags*/) {
  File& file = *Of(base);
  const std::string effect = Before(file, "sync");
  if (effect == "error" || effect == "full") {
    auto& [unsynced, doomed] = *file.content;
    doomed.insert(doomed.end(), unsynced.begin(), unsynced.end());
    unsynced.clear();
    return SQLITE_IOERR_FSYNC;
  }
  // The disk is not asked: SIGKILL leaves what the kernel has, and we know what a power cut takes.
  file.content->unsynced.clear();
  After(effect);
  return SQLITE_OK;
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  return Of(file)->real()->pMethods->xFileSize(Of(file)->real(), size);
}
int Lock(sqlite3_file* file, int level) {
  return Of(file)->real()->pMethods->xLock(Of(file)->real(), level);
}
int Unlock(sqlite3_file* file, int level) {
  return Of(file)->real()->pMethods->xUnlock(Of(file)->real(), level);
}
int CheckReservedLock(sqlite3_file* file, int* result) {
  return Of(file)->real()->pMethods->xCheckReservedLock(Of(file)->real(), result);
}
int FileControl(sqlite3_file* file, int operation, void* argument) {
  return Of(file)->real()->pMethods->xFileControl(Of(file)->real(), operation, argument);
}
int SectorSize(sqlite3_file* file) {
  return Of(file)->real()->pMethods->xSectorSize(Of(file)->real());
}
int DeviceCharacteristics(sqlite3_file* file) {
  return Of(file)->real()->pMethods->xDeviceCharacteristics(Of(file)->real());
}

// Version 1: no shared memory, which the store's exclusive lock does without.
const sqlite3_io_methods kMethods = {1,
                                     Close,
                                     Read,
                                     Write,
                                     Truncate,
                                     Sync,
                                     FileSize,
                                     Lock,
                                     Unlock,
                                     CheckReservedLock,
                                     FileControl,
                                     SectorSize,
                                     DeviceCharacteristics,
                                     nullptr,
                                     nullptr,
                                     nullptr,
                                     nullptr,
                                     nullptr,
                                     nullptr};

// ---- the VFS ----

sqlite3_vfs* Real(sqlite3_vfs* vfs) { return static_cast<sqlite3_vfs*>(vfs->pAppData); }

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* base, int flags, int* out_flags) {
  File& file = *Of(base);
  file.base.pMethods = nullptr;
  const int code = Real(vfs)->xOpen(Real(vfs), path, file.real(), flags, out_flags);
  if (code != SQLITE_OK) return code;
  file.name = "temp";
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0) {
    file.name = "db";
    FailpointFile() = std::string(path).substr(0, std::string(path).rfind('/')) + "/failpoint";
  }
  if ((flags & SQLITE_OPEN_WAL) != 0) file.name = "wal";
  if ((flags & SQLITE_OPEN_MAIN_JOURNAL) != 0) file.name = "journal";
  file.content = new Content;
  file.base.pMethods = &kMethods;
  OpenFiles().push_back(&file);
  return SQLITE_OK;
}

// ---- statements ----

// "INSERT INTO segments VALUES" is the point sql-INSERT-INTO-segments.
bool Begins(std::string sql, const std::string& point) {
  sql.erase(0, sql.find_first_not_of("\n "));
  std::replace(sql.begin(), sql.end(), ' ', '-');
  return point.starts_with("sql-") && sql.starts_with(point.substr(4));
}

int OnStatement(unsigned event, void*, void* statement, void*) {
  const char* sql = sqlite3_sql(static_cast<sqlite3_stmt*>(statement));
  const Failpoint armed = Armed();
  if (sql == nullptr || !Begins(sql, armed.point)) return 0;
  const bool after = event == SQLITE_TRACE_PROFILE;
  if (armed.effect == (after ? "kill-after" : "kill-before")) Die();
  if (armed.effect == (after ? "power-after" : "power-before")) CutPower();
  return 0;
}

int OnConnection(sqlite3* db, char**, const sqlite3_api_routines*) {
  return sqlite3_trace_v2(db, SQLITE_TRACE_STMT | SQLITE_TRACE_PROFILE, OnStatement, nullptr);
}

// Before main: whatever is opened later goes through it.
const bool kRegistered = [] {
  static sqlite3_vfs vfs = *sqlite3_vfs_find(nullptr);
  vfs.pAppData = sqlite3_vfs_find(nullptr);
  vfs.zName = "failing";
  vfs.szOsFile += static_cast<int>(sizeof(File));
  vfs.xOpen = Open;
  vfs.pNext = nullptr;
  return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK &&
         sqlite3_auto_extension(reinterpret_cast<void (*)()>(OnConnection)) == SQLITE_OK;
}();

}  // namespace
}  // namespace broadside
