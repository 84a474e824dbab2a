// signalfd(2): signals as a file. Who reads it takes the signals that are pending for himself, the thread and its process,
// as sigtimedwait(2) does; so who polls it asks for his own as well.
#pragma once

#include "fs/file.hpp"
#include "lib/vector.hpp"
#include "mm/payer.hpp"
#include "task/signal.hpp"

namespace cv6 {

class Process;

// Where those wait who want to read signals of one process. A process holds its own, and a file those of the processes by
// which it was polled: a place in the queue may outlive the process, when an epoll watches a file that both had.
class SignalNews : public Counted<SignalNews>, public Charged<SignalNews, "signal_news"> {
 public:
  static Result<SignalNews*> of(Process& process);  // Error::nomem
  WaitQueue queue;
};

class SignalFile final : public File, public Charged<SignalFile, "signal_file"> {
 public:
  static Result<Ref<File>> open(SignalSet wanted, OpenFlags flags, const Credentials& credentials);  // Error::nomem
  // Null: it is none.
  static SignalFile* of(File& file) { return file.kind() == FileKind::signals ? static_cast<SignalFile*>(&file) : nullptr; }
  SignalFile(Ref<Inode> inode, SignalSet wanted);

  void change(SignalSet wanted);

  void describe(Output& out) const override { print(out, "anon_inode:[signalfd]"); }
  void print_details(Output& out) override { print(out, "sigmask:\t{:016x}\n", wanted().bits()); }
  PollEvents poll(PollWaiters* waiters) override;

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t) override;

 private:
  SignalSet wanted() const { return SignalSet(wanted_.load(std::memory_order_relaxed)); }
  bool ready() const;
  Result<void> watch(PollWaiters& waiters);

  std::atomic<std::uint64_t> wanted_;
  Mutex mutex_;
  Vector<Ref<SignalNews>> news_ GUARDED_BY(mutex_);
};

}  // namespace cv6
