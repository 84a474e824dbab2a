// Locks on files: POSIX record locks (fcntl F_SETLK), open file description locks (F_OFD_SETLK) and whole-file locks
// (flock(2)). Advisory: read and write do not look at them.
//
// Record locks belong to an owner, an address that only serves as an identity: the process' descriptor table for POSIX
// locks (all are gone when it closes any descriptor of the file), the File for OFD locks and flock (gone with it).
// flock locks and record locks do not know of each other.
#pragma once

#include <cstdint>
#include <span>

#include "fs/file.hpp"

namespace cv6 {

struct RecordLock {
  enum class Kind : std::uint8_t { read, write, none };  // F_RDLCK, F_WRLCK, F_UNLCK
  Kind kind = Kind::none;
  std::uint64_t start = 0;
  std::uint64_t end = UINT64_MAX;  // last byte; UINT64_MAX: to the end of the file, wherever that is
};
struct LockOwner {
  enum class Kind : std::uint8_t { process, description } kind = Kind::process;
  const void* identity = nullptr;
  std::uint64_t process = 0;  // host pid, for F_GETLK and deadlock reports; not used for descriptions
};
enum class LockWait : std::uint8_t { no, yes };

// Sets, changes or removes (Kind::none) locks of the owner on a range. Errors: badf (not open for that kind), again,
// deadlk, restart_if_asked (interrupted), nolck (no memory, or the file has as many as it may).
Result<void> set_record_lock(File& file, const LockOwner& owner, const RecordLock& lock, LockWait wait);
// F_GETLK: the first lock that would be in the way; kind none if there is none. `holder`: its owner.
RecordLock find_record_lock(File& file, const LockOwner& owner, const RecordLock& wanted, LockOwner& holder);
// All locks of an owner on a file are gone: call at every close of a descriptor, if inode().may_have_locks().
void drop_record_locks(Inode& inode, const void* identity);

enum class FileLockKind : std::uint8_t { shared, exclusive, none };
Result<void> set_file_lock(File& file, FileLockKind kind, LockWait wait);  // flock(2): again, restart_if_asked, nolck

// A line of /proc/locks.
struct LockDescription {
  std::string_view type;  // "POSIX", "OFDLCK", "FLOCK"
  bool write, waiting;
  std::uint64_t process;
  DeviceNumber device;
  std::uint64_t inode, start, end;
};
// All of them, a part at a time: each call fills `to` with the next `count` locks, of one file, or of those that are waited for
// when all files have been told. False: these were the last ones. Begins with a LockPosition that is new.
struct LockPosition {
  std::uint64_t file = 0;
  std::size_t passed = 0;  // of its locks
};
bool next_locks(LockPosition& position, std::span<LockDescription> to, std::size_t& count);

// When the last user goes (Inode, File).
void drop_locks_of_file(File& file);
void destroy_locks(Inode& inode);

}  // namespace cv6
