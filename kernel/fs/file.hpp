// An open file description: what open(2) makes and descriptors refer to; dup and fork share it.
//
// Kinds of files derive from it and implement the protected do_ functions; the public ones check what is the same for all
// (readable, writable, position, O_APPEND, limits) first. Regular files and directories have a position, covered (as
// `taken_of_entry_` is) by `position_mutex_`; streams (pipes, terminals, sockets) have none and answer lseek with Error::spipe.
//
// Nothing here raises signals: Error::pipe and Error::fbig are reported, the ABI raises SIGPIPE and SIGXFSZ.
#pragma once

#include <atomic>

#include "fs/credentials.hpp"
#include "fs/inode.hpp"
#include "fs/io_buffer.hpp"
#include "fs/path.hpp"
#include "fs/poll.hpp"
#include "lib/format.hpp"
#include "sched/mutex.hpp"

namespace cv6 {

class Container;
class JobControl;
class UnixSocket;

// Which kind of file it is, for the calls that want one of these.
enum class FileKind : std::uint8_t { other, epoll, timer, signals };

// A place in a file's list of those that watch it without keeping it open (fs/events/epoll.hpp).
struct FileWatch {
  FileWatch* next_watch = nullptr;
  FileWatch* previous_watch = nullptr;
};

enum class Seek : std::uint8_t { set, current, end, data, hole };

// An open file keeps a name from going: what its objects are charged beside themselves.
inline constexpr std::size_t charged_beside_file = 256;

class File : public Counted<File> {
 public:
  virtual ~File();

  // --- what it is -----------------------------------------------------------------------------------------------------
  OpenFlags flags() const { return flags_.load(std::memory_order_relaxed); }
  // Replaces the flags that open_flag::changeable names.
  void change_flags(OpenFlags flags);
  bool readable() const { return flags() & open_flag::read; }
  bool writable() const { return flags() & open_flag::write; }
  bool nonblocking() const { return flags() & open_flag::nonblock; }
  Blocking blocking() const { return nonblocking() ? Blocking::no : Blocking::yes; }
  bool path_only() const { return flags() & open_flag::path_only; }
  // Where it was opened; empty for what has no name (pipes, sockets): then describe() says what to show.
  const Path& path() const { return path_; }
  Inode& inode() const { return *inode_; }
  const Credentials& credentials() const { return *credentials_; }  // of who opened it
  FileKind kind() const { return kind_; }
  // What /proc/PID/fd shows for a file without a path: "pipe:[12]".
  virtual void describe(Output& out) const;
  // The lines of /proc/PID/fdinfo/N that only this kind of file has.
  virtual void print_details(Output&) {}
  // path(), or for a file without one a Path of its own kind that leads to its inode: what a magic link to it follows.
  Result<Path> place() const;

  // --- data -----------------------------------------------------------------------------------------------------------
  // Bytes moved; 0: the end. Errors: badf (not open for it), isdir, fault, again (nonblocking), restart_if_asked
  // (interrupted before anything was moved), inval, io, nospc, pipe, fbig. Partial transfers are successes.
  Result<std::size_t> read(IoBuffer& to);
  Result<std::size_t> write(IoBuffer& from, std::uint64_t size_limit = UINT64_MAX);  // size_limit: RLIMIT_FSIZE
  Result<std::size_t> read_at(IoBuffer& to, std::uint64_t offset);                     // pread; spipe
  // pwrite; with O_APPEND at the end, as Linux does.
  Result<std::size_t> write_at(IoBuffer& from, std::uint64_t offset, std::uint64_t size_limit = UINT64_MAX);
  Result<std::uint64_t> seek(std::int64_t offset, Seek from);  // inval, overflow, nxio, spipe
  std::uint64_t position() const { return position_.load(std::memory_order_relaxed); }

  // getdents64(2), in kernel terms: entries from the position on, . and .. included. Error::notdir.
  Result<void> read_directory(DirectorySink& sink);

  // --- the rest -------------------------------------------------------------------------------------------------------
  // What is ready now; with `waiters`, watches for changes as well. Files that never block are always ready.
  virtual PollEvents poll(PollWaiters* waiters);
  bool never_blocks();
  // Bytes that can be read at once: FIONREAD. Error::notty where that has no meaning.
  virtual Result<std::size_t> readable_bytes();
  // Requests that only this kind of file knows, by their Linux numbers; `argument` may be a user address. Error::notty.
  virtual Result<long> control(unsigned request, std::uintptr_t argument);
  // Of the terminal that it is; null: it is none.
  virtual JobControl* job_control() { return nullptr; }
  // The socket that it is an open file of (net/); null: it is none.
  virtual UnixSocket* socket() { return nullptr; }
  // What keeps as that container's console output all that is written to this; null: nothing does.
  virtual Ref<File> console_of(const Container&) { return nullptr; }
  // How many files it passes on to, one after the other. Each takes its part of the kernel's stack: see most_nested.
  virtual unsigned nesting() const { return 0; }
  static constexpr unsigned most_nested = 8;
  // The socket that stays open for as long as this file does: it, or one that it passes on to. Null: none.
  virtual UnixSocket* kept_socket() { return socket(); }
  // In which tree of mounts (Mount::tree) it was opened, and so in which container; Mount::no_tree: in none.
  virtual std::uint64_t opened_in() const { return path_.mount ? path_.mount->tree() : Mount::no_tree; }
  // What mmap(2) maps. An empty Ref: anonymous memory (/dev/zero). Error::nodev.
  virtual Result<Ref<MemoryObject>> memory_object();
  // ftruncate(2): badf/inval if not open for writing, inval for what has no size, fbig beyond size_limit.
  Result<void> truncate(std::uint64_t size, std::uint64_t size_limit = UINT64_MAX);
  Result<void> allocate(Allocate how, std::uint64_t offset, std::uint64_t length, std::uint64_t size_limit = UINT64_MAX);
  virtual Result<void> sync();  // fsync, fdatasync: success once it is as safe as this file system makes it
  // A descriptor of this file was closed (not: the last one). For what reports errors there.
  virtual Result<void> flush() { return {}; }
  FileStatus status() const;

  // --- for whoever makes it (Inode::open, open_file) ------------------------------------------------------------------
  void set_up(Path path, OpenFlags flags, const Credentials& credentials);
  // It counts as a writer of its inode (Inode::begin_writing was called): given back when the file goes.
  void note_writer() { counts_as_writer_ = true; }

  // --- for fs/events/epoll.cpp ------------------------------------------------------------------------------------------
  void add_watch(FileWatch& watch);
  void remove_watch(FileWatch& watch);
  // For Counted: whoever watches it lets go while it is still whole.
  void last_reference_gone() {
    // acquire: pairs with release in remove_watch(); whoever has let go has done so before.
    if (watches_.load(std::memory_order_acquire)) [[unlikely]] end_watches();
    delete this;
  }

 protected:
  // Ignored: any position will do, and reading or writing does not move it (/dev/null).
  enum class Positions : std::uint8_t { none, ignored, seekable };
  File(Ref<Inode> inode, Positions positions, FileKind kind = FileKind::other)
      : kind_(kind), positions_(positions), inode_(std::move(inode)) {}

  // It was read: the inode's access time, unless the flags or the mount say no.
  void note_access() const;

  virtual Result<std::size_t> do_read(IoBuffer& to, std::uint64_t offset);   // default: Error::inval
  virtual Result<std::size_t> do_write(IoBuffer& from, std::uint64_t offset, std::uint64_t size_limit);
  // The append position must be found and used in one step: files that can append override this. `end`: where the write
  // ended.
  virtual Result<std::size_t> do_append(IoBuffer& from, std::uint64_t size_limit, std::uint64_t& end);
  virtual Result<std::uint64_t> do_seek(std::int64_t offset, Seek from);
  virtual Result<void> do_read_directory(DirectorySink& sink, std::uint64_t& position);

 private:
  void end_watches();

  std::atomic<OpenFlags> flags_{0};
  FileKind kind_;
  Positions positions_;
  bool counts_as_writer_ = false;
  std::uint8_t taken_of_entry_ = 0;  // DirectorySink::taken_of_next
  Ref<Inode> inode_;
  Path path_;
  Ref<const Credentials> credentials_;
  Mutex position_mutex_;
  std::atomic<std::uint64_t> position_{0};
  std::atomic<FileWatch*> watches_{nullptr};
};

// truncate(2) of a regular file, permissions checked. Error::fbig beyond `size_limit`, Error::nospc.
Result<void> truncate_inode(Inode& inode, const Credentials& who, std::uint64_t size, std::uint64_t size_limit);
// Whoever changes contents and is not root takes the set-user-id and set-group-id bits away. inode.mutex() is held.
void drop_set_id_bits(Inode& inode, const Credentials& who);

}  // namespace cv6
