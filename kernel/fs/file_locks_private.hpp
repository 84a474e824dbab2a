// What an inode keeps about its locks (private to file_locks*.cpp).
#pragma once

#include "fs/file_locks.hpp"
#include "lib/list.hpp"
#include "lib/tree.hpp"
#include "mm/payer.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

// One range of one owner. Ranges of one owner never overlap; neighbours of one kind are one.
struct HeldLock : Charged<HeldLock, "file_lock"> {
  LockOwner owner;
  RecordLock range;
  ListNode node;
};

// A whole-file lock; its owner is a File.
struct HeldFileLock : Charged<HeldFileLock, "whole_file_lock"> {
  const File* file;
  bool exclusive;
  ListNode node;
};

// Of one inode, made at the first lock. Everything is covered by one lock for all files: locks are rare, and a search for
// deadlocks looks at many. Each call goes through all locks of the file a few times, so there are no more than `most` of each
// kind, or next to it.
class FileLocks : public Charged<FileLocks, "file_locks"> {
 public:
  explicit FileLocks(Inode& inode) : inode(inode) {}
  static constexpr unsigned most = 4096;
  Inode& inode;
  std::uint64_t number = 0;                 // tells those of all inodes apart, and is their order
  List<HeldLock, &HeldLock::node> records;  // in the order of their starts
  List<HeldFileLock, &HeldFileLock::node> whole;
  unsigned record_count = 0, whole_count = 0;
  WaitQueue changed;  // a lock went or shrank
  TreeNode node;      // of all inodes with locks
};

// Somebody waits for a record lock: for the search for deadlocks, and for /proc/locks.
struct WaitingLock {
  LockOwner owner;
  RecordLock range;
  FileLocks* locks;
  ListNode node;
};

extern SpinLock file_locks_lock;
// Error::nolck. The inode's locks, made if need be.
Result<FileLocks*> locks_of(Inode& inode);

}  // namespace cv6
