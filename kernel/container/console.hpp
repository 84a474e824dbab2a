// The console of a container: what its programs print and what the kernel says about it, in order, kept until the container
// is destroyed and readable at any time. Whatever is attached (the terminal or the pipe of who started it) gets it as well.
//
// The log is a ring of entries in memory that the container is charged: it grows from a page to `most_bytes`, then the
// oldest entries go. Entries are found by their position in all that was ever written, so any number of readers follow at
// their own pace, and know how many bytes they have missed.
//
// A program's end of it is a file (console_file.hpp), or a terminal: then the console is the master of a pty whose slave the
// program has. What the terminal prints goes into the log as it comes, and never waits; what is typed comes from whoever
// has the console open as a terminal. It stays until another one is made, or the container goes.
//
// One spin lock covers the ring; nobody waits with it held.
#pragma once

#include <span>

#include "container/charged_array.hpp"
#include "fs/file.hpp"
#include "fs/terminal/pty.hpp"
#include "sched/wait_queue.hpp"

namespace cv6 {

class ContainerConsole final : private PtyPort::Listener {
 public:
  enum class Stream : std::uint32_t { lost = 0, output = 1, error = 2, kernel = 3 };  // lost: see console_file.hpp
  struct Entry {
    Nanoseconds time = 0;  // since 1970
    std::uint32_t size = 0;  // bytes that follow it
    Stream stream = Stream::output;
  };
  static_assert(sizeof(Entry) == 16);

  ContainerConsole() = default;
  ~ContainerConsole() { replace_terminal({}); }

  static constexpr std::size_t longest_entry = 2048;
  static constexpr std::size_t most_bytes = 256 * 1024;

  // At the end of the log; at most `longest_entry` bytes. Where the container has no memory for it, it is lost.
  void append(Stream stream, std::span<const char> text, GuestMemory& payer);
  // A line from the kernel: to the log, and to what is attached, if that takes it at once. False: nothing is attached.
  bool print(std::string_view line, GuestMemory& payer);

  Ref<File> attached();
  void attach(Ref<File> file);
  void detach(const File& file);  // if that is attached

  // The terminal, if the console is one.
  Ref<Pty> terminal();
  // A new one, in the devpts instance `names`, that the container's memory pays for; the one before is hung up. Error::notty, nospc, nomem.
  Result<Ref<Pty>> make_terminal(FileSystem& names, GuestMemory& payer);

  // The entry at `position`, or the oldest one if that is gone: fills in `entry` and its bytes, moves `position` behind it;
  // `lost`: bytes between. False: there is none yet, or `to` has no room for it (then entry.size > to.size()).
  bool read(std::uint64_t& position, Entry& entry, std::span<char> to, std::uint64_t& lost);
  std::uint64_t end();
  bool has_more(std::uint64_t position) { return end() > position; }
  WaitQueue& readers() { return readers_; }
  // The ring goes, what is attached, and the terminal.
  void let_go();

 private:
  void output(std::span<const char> text) override;
  void replace_terminal(Ref<Pty> terminal);
  bool grow(std::size_t wanted, GuestMemory& payer);
  void drop_oldest() REQUIRES(lock_);
  void copy_in(std::uint64_t position, const void* from, std::size_t size) REQUIRES(lock_);
  void copy_out(std::uint64_t position, void* to, std::size_t size) REQUIRES(lock_);
  static std::uint64_t space_for(std::size_t size) { return sizeof(Entry) + (size + 7) / 8 * 8; }

  SpinLock lock_{Rank::call_log};
  ChargedArray ring_ GUARDED_BY(lock_);              // bytes; a power of two of them
  std::uint64_t start_ GUARDED_BY(lock_) = 0;        // position of the oldest entry
  std::uint64_t end_ GUARDED_BY(lock_) = 0;          // and where the next one goes
  Guarded<Ref<File>, Rank::container> attached_;
  Guarded<Ref<Pty>, Rank::container> terminal_;
  GuestMemory* terminal_payer_ = nullptr;  // set with the first terminal: the container's memory
  WaitQueue readers_;
};

}  // namespace cv6
