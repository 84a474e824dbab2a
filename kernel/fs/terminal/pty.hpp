// Pseudo terminals, pty(7): a terminal of which the device is another program. What that program holds is the master
// (open of /dev/ptmx); the terminal itself, which others open as /dev/pts/N, is the slave.
//
//   Pty          the terminal (terminal.hpp) on a PtyPort (dev/pty_port.hpp): one object for both ends
//   devpts       the file system that has the names. Every mount of it, and every container, has an instance of its own,
//                with numbers of its own, and neither sees nor reaches the others'
//
// The master's file and the slave's files hold the Pty; the instance knows it, but does not hold it. It has a name as long
// as the master is open; its number is taken as long as it exists. When the master is closed the terminal is hung up; when
// the last slave is closed the master's reads fail with Error::io, until one is opened again.
//
// A Pty is 16 kB, charged to who opened the master.
#pragma once

#include "dev/pty_port.hpp"
#include "fs/operations.hpp"
#include "fs/terminal/terminal.hpp"

namespace cv6 {

class PtyFileSystem;

namespace pty_private {
// A base, so that it is there before the terminal that is put on it.
struct HasPort {
  PtyPort port;
};
}  // namespace pty_private

class Pty final : private pty_private::HasPort, public Terminal {
 public:
  // In this instance, root's, and locked (TIOCSPTLCK). Error::notty: that is not a devpts; nospc: it has too many; nomem. The
  // caller is the master, and calls close_master() at its end.
  static Result<Ref<Pty>> create(FileSystem& instance);
  void close_master();

  PtyPort& link() { return port; }
  std::uint32_t number() const { return device_minor(device()); }
  Inode* node() const { return node_.get(); }  // which /dev/pts/N is

  bool locked() const { return locked_.load(std::memory_order_relaxed); }
  enum class Lock : std::uint8_t { open, locked };
  void set_lock(Lock lock) { locked_.store(lock == Lock::locked, std::memory_order_relaxed); }

  explicit Pty(Ref<PtyFileSystem> instance);
  ~Pty() override;

 private:
  friend class PtyFileSystem;
  void file_opened() override { port.slave_opened(); }
  void file_closed() override { port.slave_closed(); }

  Ref<PtyFileSystem> instance_;
  Ref<Inode> node_;
  std::atomic<bool> locked_{true};
  bool named_ = false;  // with the instance's lock

 public:
  ListNode instance_node;
};

// For whoever is the master: all of `from`, as if typed; waits for room unless `flags` say nonblock. Error::again, io (the
// master is closed), restart_if_asked.
Result<std::size_t> type_into(Pty& pty, IoBuffer& from, OpenFlags flags);

// The slave of the master `file`, opened, whether the caller sees its name or not: ioctl TIOCGPTPEER. Error::io: that is
// another terminal; notty: none at all.
Result<Ref<File>> open_pty_peer(File& file, const Caller& caller, OpenFlags flags);
// The slave of `pty`, which has its name in the directory `at`.
Result<Ref<File>> open_slave(Pty& pty, const Path& at, const Caller& caller, OpenFlags flags);

namespace devpts {
// Registers the file system.
void initialise();
// The root of a new instance. Error::nomem.
Result<Ref<Dentry>> create();
bool is_instance(FileSystem& file_system);
}  // namespace devpts

}  // namespace cv6
